// SPDX-License-Identifier: MIT
/**
 * One execution of a program, a step at a time, forwards and back: what may happen next, and what it does.
 *
 * Every CPU has a stack of contexts, its base below and active handlers above; only the top one runs. A transition is
 * the next step of the top context, or the entry of a handler; both are named by the context's number. An entry is
 * enabled if the handler has not entered, IF = 1 and fewer than `nest` handlers are active on the CPU: also before the
 * first and after the last step of the base, and while the base is blocked. It clears IF; the handler's last step
 * returns and sets IF.
 *
 * In mode `exactly` an execution ends when nothing is enabled; in mode `atMost` every state without an enabled step
 * that is no entry is an end, and entries may follow it.
 *
 * X1  `back(d)` leaves memory, contexts and scheduler exactly as they were at depth d.
 * X2  A step allocates nothing.
 */
import { scramble } from './scramble.js'
import { Clocks } from './clocks.js'
import type { Footprints } from './footprints.js'
import { Heap } from './heap.js'
import { BLOCKS, LOCAL, Op, passes, properties, WRITES } from './op.js'
import { MAX_CONTEXTS, type ContextHost, type Contexts, type Mode, type Program, type Violation, type ViolationKind }
  from './program.js'
import { Relaxing } from './relaxing.js'
import { Trace } from './trace.js'
import { Undo } from './undo.js'

const VECTOR_ROWS = 8
/** The machine's: a CPU's own deadline was reached. */
const LOCAL_TIMER_VECTOR = 0xfa

export interface ExecutorOptions {
  /** Contexts say what their local state is. Default: no. */
  readonly tracksLocals?: boolean
  /** `cpuRelax` never waits: for who knows states again, or follows a schedule of that. Default: as `tracksLocals`. */
  readonly spins?: boolean
}

export class Executor implements ContextHost {
  readonly program: Program
  readonly mode: Mode
  readonly keepsPlaces: boolean
  readonly tracksLocals: boolean
  readonly cpuCount: number
  readonly count: number
  readonly memory: Int32Array
  /** The same words as times, two words each. */
  private readonly times: Float64Array
  readonly undo = new Undo()
  readonly trace = new Trace()
  depth = 0
  violation: Violation | null = null

  // ---- constant: contexts and their CPUs
  readonly cpuOf: Uint8Array
  /** All contexts of a CPU. */
  readonly labelsOf: Int32Array
  readonly bases: number
  readonly irqs: number
  readonly vectors: number
  /** Interrupts that enter behind another one. */
  private readonly followers: number
  private readonly leaderOf: Uint8Array
  /** Words from here up are the doorbells: one per CPU, written by a request of a vector and by its entry. */
  readonly doorbells: number

  // ---- the operation that each context offers
  readonly pendingOp: Uint8Array
  readonly pendingA: Int32Array
  readonly pendingB: Int32Array
  readonly pendingC: Int32Array
  readonly pendingTime: Float64Array

  // ---- cells
  private readonly current: number
  private readonly nesting: number
  private readonly entries: number
  private readonly requested: number
  private readonly below: number
  /** Vector that each context entered for. */
  private readonly serves: number
  private readonly clocks: Clocks
  readonly contexts: Contexts
  private readonly heap: Heap | null
  private readonly relaxing: Relaxing | null
  private readonly firstWord: number
  private readonly footprints: Footprints | null

  /** With footprints a step that nobody else can see is the only one that is enabled. */
  constructor(
    program: Program, mode: Mode = 'exactly', keepsPlaces = false, footprints: Footprints | null = null,
    { tracksLocals = false, spins = tracksLocals }: ExecutorOptions = {},
  ) {
    const { contexts, cpuCount } = program
    if (contexts.length > MAX_CONTEXTS) {
      throw new RangeError(`${program.name} has ${contexts.length} contexts, at most ${MAX_CONTEXTS} can be checked`)
    }
    this.program = program
    this.mode = mode
    this.keepsPlaces = keepsPlaces
    this.tracksLocals = tracksLocals
    this.footprints = footprints
    this.cpuCount = cpuCount
    this.count = contexts.length
    this.cpuOf = Uint8Array.from(contexts, (context) => context.cpu)
    this.labelsOf = new Int32Array(cpuCount)
    contexts.forEach(({ cpu }, label) => { this.labelsOf[cpu]! |= 1 << label })
    this.bases = this.labelsOfKind('base')
    this.irqs = this.labelsOfKind('irq')
    this.vectors = this.labelsOfKind('vector')
    this.followers = contexts.reduce((mask, { after }, label) => after === undefined ? mask : mask | (1 << label), 0)
    this.leaderOf = Uint8Array.from(contexts, ({ after = 0 }) => after)
    this.pendingOp = new Uint8Array(this.count).fill(Op.Done)
    this.pendingA = new Int32Array(this.count)
    this.pendingB = new Int32Array(this.count)
    this.pendingC = new Int32Array(this.count)
    this.pendingTime = new Float64Array(this.count)
    this.current = this.undo.reserve(cpuCount)
    this.nesting = this.undo.reserve(cpuCount)
    this.entries = this.undo.reserve(cpuCount)
    this.requested = this.undo.reserve(cpuCount * VECTOR_ROWS)
    this.below = this.undo.reserve(this.count)
    this.serves = this.undo.reserve(this.count)
    this.clocks = new Clocks(this.undo, cpuCount)
    const prepared = program.prepare(this)
    this.memory = prepared.memory
    this.times = new Float64Array(this.memory.buffer, this.memory.byteOffset, this.memory.length >> 1)
    this.contexts = prepared.contexts
    this.doorbells = prepared.memory.length
    this.firstWord = prepared.firstWord
    const { heap } = prepared
    this.heap = heap === null ? null : new Heap(this, heap.base, heap.end, heap.live)
    this.relaxing = prepared.relaxWaits === true && !spins ? new Relaxing(this) : null
    this.begin(prepared.irqOn ?? -1)
  }

  /** Transitions that can be taken now. */
  enabled(): number {
    return this.enabledAt(this.depth)
  }

  /** Transitions that could be taken at a state of the path. */
  enabledAt(d: number): number {
    const quiet = this.trace.quiet[d]!
    return quiet !== 0 ? quiet : this.trace.steps[d]! | this.trace.enters[d]!
  }

  /** Whether the execution may end in this state. */
  isEnd(): boolean {
    if (this.violation !== null) return true
    return this.mode === 'atMost' ? this.trace.steps[this.depth] === 0 : this.enabled() === 0
  }

  /** Whether every context that had to finish did; otherwise an end is a blocked one. */
  isComplete(): boolean {
    return this.unfinished() === 0
  }

  /** Contexts that had to finish and did not. A CPU that sleeps in a halt is at rest. */
  unfinished(): number {
    const started = this.trace.started[this.depth]!
    const required = this.bases | started | (this.mode === 'exactly' ? this.irqs : 0)
    let left = required & ~this.trace.finished[this.depth]!
    for (let labels = left; labels !== 0; labels &= labels - 1) {
      const label = 31 - Math.clz32(labels & -labels)
      if (((started >>> label) & 1) !== 0 && this.pendingOp[label] === Op.Woken) left &= ~(1 << label)
    }
    return left
  }

  /** Addresses of the blocks that were allocated and not given back. */
  liveBlocks(): number[] {
    return this.heap?.live() ?? []
  }

  /** Whether a context runs, or ran: its next step is no entry. */
  hasStarted(label: number): boolean {
    return ((this.trace.started[this.depth]! >>> label) & 1) !== 0
  }

  /** The context on top of a CPU's stack; -1 if the CPU has none. */
  currentOf(cpu: number): number {
    return this.undo.cells[this.current + cpu]! - 1
  }

  /** The handler that runs above a context that was entered; -1 if none does. */
  contextAbove(label: number): number {
    const { undo: { cells }, below } = this
    let above = -1
    for (let at = this.currentOf(this.cpuOf[label]!); at >= 0 && at !== label; at = cells[below + at]! - 1) above = at
    return above
  }

  /** One number for the stack of a CPU: which contexts are active, in which order. */
  stackHash(cpu: number): number {
    let hash = 0
    for (let label = this.currentOf(cpu); label >= 0; label = this.undo.cells[this.below + label]! - 1) {
      hash = Math.imul(hash + label + 1, 31)
    }
    return hash
  }

  /** One number for what else the scheduler knows of a CPU: its stack, requested vectors, and whether it may wake. */
  schedulerHash(cpu: number): number {
    let hash = this.stackHash(cpu)
    const { cells } = this.undo
    const rows = this.requested + cpu * VECTOR_ROWS
    for (let row = 0; row < VECTOR_ROWS; row++) hash = Math.imul(hash, 33) + cells[rows + row]!
    const label = this.currentOf(cpu)
    const op = label < 0 ? Op.Done : this.pendingOp[label]!
    const wakes = (op === Op.Woken || op === Op.CpuRelax) && this.canProceed(label)
    hash = scramble(hash ^ this.clocks.hashOf(cpu))
    return wakes ? ~hash : hash
  }

  /** One number for which blocks of the heap were allocated and given back. */
  heapHash(): number {
    return this.heap?.hash() ?? 0
  }

  /** All contexts of a set of CPUs. */
  labelsOfCpus(cpus: number): number {
    let labels = 0
    for (let left = cpus; left !== 0; left &= left - 1) labels |= this.labelsOf[31 - Math.clz32(left & -left)]!
    return labels
  }

  /** Whether the context on top of a CPU's stack waits for something that is not so. */
  isBlocked(cpu: number, depth = this.depth): boolean {
    const { waiting, steps } = this.trace
    return (waiting[depth]! & ~steps[depth]! & this.labelsOf[cpu]!) !== 0
  }

  /** Take an enabled transition. */
  step(label: number): void {
    const d = this.depth
    const trace = this.trace
    trace.ensure(d + 1)
    const cpu = this.cpuOf[label]!
    trace.label[d] = label
    trace.cpu[d] = cpu
    trace.mark[d] = this.undo.length
    trace.started[d + 1] = trace.started[d]!
    trace.finished[d + 1] = trace.finished[d]!
    trace.irqOn[d + 1] = trace.irqOn[d]!
    this.depth = d + 1
    if (((trace.started[d]! >>> label) & 1) === 0) this.enter(d, label, cpu)
    else this.perform(d, label, cpu)
    this.relaxing?.extend(d)
    if (this.violation === null) this.refresh(d, cpu)
    else this.nothingIsEnabled(d + 1)
  }

  /** Go back to an earlier state of this execution. */
  back(depth: number): void {
    const trace = this.trace
    for (let d = this.depth - 1; d >= depth; d--) this.undoRow(d)
    if (depth < this.depth) this.undo.back(trace.mark[depth]!)
    this.depth = depth
    this.violation = null
  }

  /** End this execution here: the step that was just taken broke something that the executor itself does not see. */
  breakOff(kind: ViolationKind, message: string): void {
    const { trace, depth } = this
    if (this.violation !== null) return
    this.fail(trace.label[depth - 1]!, kind, message)
    this.nothingIsEnabled(depth)
  }

  // ---- ContextHost

  reserve(count: number): number {
    return this.undo.reserve(count)
  }

  cell(index: number): number {
    return this.undo.cells[index]!
  }

  setCell(index: number, value: number): void {
    this.undo.set(index, value)
  }

  offer(context: number, op: number, a: number, b: number, c: number, time = 0): void {
    this.pendingTime[context] = time
    this.pendingOp[context] = op
    this.pendingA[context] = a
    this.pendingB[context] = b
    this.pendingC[context] = c
  }

  irqIsOn(cpu: number): boolean {
    return ((this.trace.irqOn[this.depth]! >>> cpu) & 1) !== 0
  }

  nestingOf(cpu: number): number {
    return this.undo.cells[this.nesting + cpu]!
  }

  timeOf(cpu: number): number {
    return this.clocks.timeOf(cpu)
  }

  vectorOf(context: number): number {
    return this.undo.cells[this.serves + context]!
  }

  isLookedAt(address: number): boolean {
    return this.footprints === null || this.footprints.isLookedAt(address)
  }

  looks(): number {
    return this.footprints?.looks ?? 0
  }

  lookAt(address: number): void {
    if (this.tracksLocals) this.footprints?.lookAt(address)
  }

  fail(context: number, kind: ViolationKind, message: string): void {
    const name = this.program.contexts[context]?.name ?? '-'
    this.violation ??= { kind, message, step: this.depth - 1, context: name }
  }

  // ---- steps

  private begin(irqOn: number): void {
    const trace = this.trace
    trace.started[0] = this.bases
    trace.irqOn[0] = irqOn
    for (let label = 0; label < this.count; label++) {
      if (((this.bases >>> label) & 1) === 0) continue
      this.undo.set(this.current + this.cpuOf[label]!, label + 1)
      this.contexts.start(label)
      if (this.pendingOp[label] === Op.Done) trace.finished[0]! |= 1 << label
    }
    for (let cpu = 0; cpu < this.cpuCount; cpu++) this.refreshCpu(0, cpu)
    if (this.relaxing !== null) this.force(0)
    trace.quiet[0] = this.quietAt(0)
    this.undo.length = 0
  }

  private enter(d: number, label: number, cpu: number): void {
    const { trace, undo } = this
    const isVector = ((this.vectors >>> label) & 1) !== 0
    trace.op[d] = Op.Enter
    trace.old[d] = this.highestVector(cpu) + 1
    trace.a[d] = isVector ? this.takeVector(cpu) : 0
    trace.b[d] = trace.c[d] = trace.value[d] = 0
    undo.set(this.serves + label, trace.a[d])
    trace.address[d] = this.doorbells + cpu
    trace.length[d] = isVector ? 1 : 0
    trace.writes[d] = isVector ? 1 : 0
    trace.started[d + 1]! |= 1 << label
    trace.irqOn[d + 1]! &= ~(1 << cpu)
    undo.set(this.below + label, undo.cells[this.current + cpu]!)
    undo.set(this.current + cpu, label + 1)
    undo.set(this.nesting + cpu, undo.cells[this.nesting + cpu]! + 1)
    undo.set(this.entries + cpu, undo.cells[this.entries + cpu]! + 1)
    this.contexts.start(label)
    if (this.pendingOp[label] === Op.Done) this.finish(d, label, cpu)
  }

  private perform(d: number, label: number, cpu: number): void {
    const trace = this.trace
    const op = this.pendingOp[label]!
    const a = trace.a[d] = this.pendingA[label]!
    const b = trace.b[d] = this.pendingB[label]!
    const c = trace.c[d] = this.pendingC[label]!
    const flags = properties[op]!
    trace.op[d] = op
    trace.address[d] = a
    trace.length[d] = (flags & LOCAL) === 0 ? 1 : 0
    trace.writes[d] = (flags & WRITES) === 0 ? 0 : 1
    const value = op < Op.SmpMb || op === Op.AwaitWord ? this.access(d, op, a, b, c) : this.special(d, op, label, cpu)
    trace.value[d] = value
    this.noteFootprint(d, label, op, value)
    if (op === Op.Halt) return this.offer(label, Op.Woken, 0, this.undo.cells[this.entries + cpu]!, 0)
    if (this.violation !== null) return
    this.contexts.resume(label, value)
    if (this.pendingOp[label] === Op.Done) this.finish(d, label, cpu)
  }

  private access(d: number, op: number, a: number, b: number, c: number): number {
    const { memory, trace, heap } = this
    if (a < this.firstWord) this.failHere(d, ['bad-access', `access to word ${a}: a null reference`])
    else if (heap !== null && a >= heap.base && !heap.allows(a)) this.failHere(d, heap.complaint(a))
    const old = memory[a]!
    trace.old[d] = old
    switch (op) {
      case Op.St: case Op.Store: memory[a] = b; return 0
      case Op.Xchg: memory[a] = b; return old
      case Op.Cmpxchg: if (old === b) memory[a] = c; else trace.writes[d] = 0; return old
      case Op.FetchAdd: memory[a] = old + b; return old
      case Op.FetchOr: memory[a] = old | b; return old
      case Op.FetchAnd: memory[a] = old & b; return old
      case Op.TestAndSetBit: memory[a] = old | (1 << b); return (old >>> b) & 1
      case Op.TestAndClearBit: memory[a] = old & ~(1 << b); return (old >>> b) & 1
      default: return old
    }
  }

  private special(d: number, op: number, label: number, cpu: number): number {
    const { memory, trace } = this
    const a = trace.a[d]!
    const bit = 1 << cpu
    const ifWas = (trace.irqOn[d]! >>> cpu) & 1
    switch (op) {
      case Op.Lock: trace.old[d] = memory[a]!; memory[a] = label + 1; return 0
      case Op.Unlock: return this.unlock(d, label, a)
      case Op.IrqDisable: case Op.IrqSave: trace.irqOn[d + 1]! &= ~bit; return ifWas
      case Op.IrqEnable: case Op.Halt: trace.irqOn[d + 1]! |= bit; return 0
      case Op.IrqRestore: if (a === 0) trace.irqOn[d + 1]! &= ~bit; else trace.irqOn[d + 1]! |= bit; return 0
      case Op.RaiseVector: this.requestVector(d, a, trace.b[d]!); return 0
      case Op.SetDeadline: this.setDeadline(d, label, cpu); return 0
      case Op.LdTime: case Op.StTime: return this.accessTime(d, op, label, a)
      case Op.Xmalloc: return this.heap?.alloc(label, a) ?? 0
      case Op.Xfree: trace.length[d] = this.heap?.free(d, a) ?? 0; return 0
      default: return 0
    }
  }

  private unlock(d: number, label: number, a: number): number {
    this.trace.old[d] = this.memory[a]!
    if (this.memory[a] !== label + 1) this.fail(label, 'bad-unlock', `unlock of ${this.program.wordName(a)} by no holder`)
    this.memory[a] = 0
    return 0
  }

  private accessTime(d: number, op: number, label: number, a: number): number {
    const { memory, trace } = this
    trace.length[d] = 2
    trace.old[d] = memory[a]!
    trace.old2[d] = memory[a + 1]!
    if (op === Op.LdTime) return this.times[a >> 1]!
    trace.time[d] = this.pendingTime[label]!
    this.times[a >> 1] = trace.time[d]!
    return 0
  }

  private finish(d: number, label: number, cpu: number): void {
    const { trace, undo } = this
    const bit = 1 << label
    if ((this.vectors & bit) !== 0) trace.started[d + 1]! &= ~bit
    else trace.finished[d + 1]! |= bit
    if ((this.bases & bit) !== 0) return
    undo.set(this.current + cpu, undo.cells[this.below + label]!)
    undo.set(this.nesting + cpu, undo.cells[this.nesting + cpu]! - 1)
    trace.irqOn[d + 1]! |= 1 << cpu
  }

  failHere(d: number, [kind, message]: readonly [ViolationKind, string]): void {
    this.fail(this.trace.label[d]!, kind, message)
  }

  private undoRow(d: number): void {
    const { trace, memory } = this
    const op = trace.op[d]!
    if (op === Op.Enter) return
    const label = trace.label[d]!
    this.pendingOp[label] = op
    this.pendingA[label] = trace.a[d]!
    this.pendingB[label] = trace.b[d]!
    this.pendingC[label] = trace.c[d]!
    if (op === Op.SetDeadline) this.pendingTime[label] = trace.time[d]!
    if (op === Op.StTime) {
      this.pendingTime[label] = trace.time[d]!
      memory[trace.address[d]! + 1] = trace.old2[d]!
    }
    if (trace.writes[d] !== 0 && op !== Op.RaiseVector && op !== Op.Xfree) memory[trace.address[d]!] = trace.old[d]!
  }

  // ---- what is enabled

  private refresh(d: number, cpu: number): void {
    const trace = this.trace
    const others = ~this.labelsOf[cpu]!
    trace.steps[d + 1] = trace.steps[d]! & others
    trace.enters[d + 1] = trace.enters[d]! & others
    trace.waiting[d + 1] = trace.waiting[d]! & others
    if ((trace.writes[d] !== 0 || trace.forced[d] !== 0) && trace.waiting[d + 1] !== 0) this.refreshWaiting(d + 1)
    if (trace.op[d] === Op.RaiseVector) this.refreshCpu(d + 1, trace.a[d]!)
    this.refreshCpu(d + 1, cpu)
    trace.forced[d + 1] = 0
    if (this.relaxing !== null) this.force(d + 1)
    trace.quiet[d + 1] = this.quietAt(d + 1)
  }

  /** Where nobody else can go on, those that relax do. */
  private force(d: number): void {
    const { trace, pendingOp } = this
    if (trace.steps[d] !== 0 || (this.mode === 'exactly' && trace.enters[d] !== 0)) return
    for (let labels = trace.waiting[d]!; labels !== 0; labels &= labels - 1) {
      const label = 31 - Math.clz32(labels & -labels)
      if (pendingOp[label] === Op.CpuRelax) trace.steps[d] |= 1 << label
    }
    trace.forced[d] = trace.steps[d] === 0 ? 0 : 1
  }

  private nothingIsEnabled(d: number): void {
    const { trace } = this
    trace.steps[d] = trace.enters[d] = trace.waiting[d] = trace.quiet[d] = 0
  }

  /** The context whose next step nobody else can see, as a set; 0 if there is none. */
  private quietAt(d: number): number {
    const { footprints, trace } = this
    if (footprints === null) return 0
    for (let cpu = 0; cpu < this.cpuCount; cpu++) {
      const label = this.currentOf(cpu)
      if (label < 0 || ((trace.steps[d]! >>> label) & 1) === 0) continue
      if (footprints.isQuiet(this, label, ((trace.irqOn[d]! >>> cpu) & 1) !== 0)) return 1 << label
    }
    return 0
  }

  private noteFootprint(d: number, label: number, op: number, value: number): void {
    const { footprints, trace } = this
    if (footprints === null || op === Op.RaiseVector) return
    if (op === Op.Xmalloc) footprints.note(label, value, trace.a[d]!, true)
    else footprints.note(label, trace.address[d]!, trace.length[d]!, trace.writes[d] !== 0)
  }

  private refreshWaiting(d: number): void {
    const trace = this.trace
    for (let labels = trace.waiting[d]!; labels !== 0; labels &= labels - 1) {
      const label = 31 - Math.clz32(labels & -labels)
      if (this.canProceed(label)) trace.steps[d]! |= 1 << label
      else trace.steps[d]! &= ~(1 << label)
    }
  }

  private refreshCpu(d: number, cpu: number): void {
    const { trace, undo: { cells } } = this
    const mine = this.labelsOf[cpu]!
    let steps = trace.steps[d]! & ~mine
    let waiting = trace.waiting[d]! & ~mine
    const label = cells[this.current + cpu]! - 1
    if (label >= 0 && this.pendingOp[label] !== Op.Done) {
      const blocks = (properties[this.pendingOp[label]!]! & BLOCKS) !== 0
      if (blocks) waiting |= 1 << label
      if (!blocks || this.canProceed(label)) steps |= 1 << label
    }
    trace.steps[d] = steps
    trace.waiting[d] = waiting
    trace.enters[d] = (trace.enters[d]! & ~mine) | this.entersOf(d, cpu)
  }

  private entersOf(d: number, cpu: number): number {
    const { trace, undo: { cells } } = this
    if (((trace.irqOn[d]! >>> cpu) & 1) === 0 || cells[this.nesting + cpu]! >= this.program.nest) return 0
    const ready = this.labelsOf[cpu]! & ~trace.started[d]!
    const irqs = ready & this.irqs & ~this.behindOthers(trace.started[d]!)
    const vectors = ready & this.vectors
    if (vectors === 0 || this.highestVector(cpu) < 0) return irqs
    return irqs | (vectors & -vectors)
  }

  /** Interrupts that are to enter after another one that did not yet. */
  private behindOthers(started: number): number {
    let behind = 0
    for (let labels = this.followers; labels !== 0; labels &= labels - 1) {
      const label = 31 - Math.clz32(labels & -labels)
      if (((started >>> this.leaderOf[label]!) & 1) === 0) behind |= 1 << label
    }
    return behind
  }

  private canProceed(label: number): boolean {
    const op = this.pendingOp[label]!
    const b = this.pendingB[label]!
    if (op === Op.CpuRelax) return this.relaxing === null || ((this.relaxing.awake() >>> label) & 1) !== 0
    if (op === Op.Woken) return this.undo.cells[this.entries + this.cpuOf[label]!]! > b
    return passes(op, b, this.pendingC[label]!, this.memory[this.pendingA[label]!]!)
  }

  // ---- vectors

  /** The highest vector requested on a CPU; -1 if none. */
  highestVector(cpu: number): number {
    for (let row = VECTOR_ROWS - 1; row >= 0; row--) {
      const bits = this.undo.cells[this.requested + cpu * VECTOR_ROWS + row]!
      if (bits !== 0) return row * 32 + 31 - Math.clz32(bits)
    }
    return -1
  }

  private requestVector(d: number, cpu: number, vector: number): void {
    const cell = this.requested + cpu * VECTOR_ROWS + (vector >> 5)
    this.trace.old[d] = this.highestVector(cpu) + 1
    this.undo.set(cell, this.undo.cells[cell]! | (1 << (vector & 31)))
    this.trace.address[d] = this.doorbells + cpu
  }

  private takeVector(cpu: number): number {
    const vector = this.highestVector(cpu)
    this.clearVector(cpu, vector)
    if (vector === LOCAL_TIMER_VECTOR) this.clocks.reachDeadline(cpu)
    return vector
  }

  private clearVector(cpu: number, vector: number): void {
    const cell = this.requested + cpu * VECTOR_ROWS + (vector >> 5)
    this.undo.set(cell, this.undo.cells[cell]! & ~(1 << (vector & 31)))
  }

  /** How long things take is open: a deadline may be reached at any moment after it was set. */
  private setDeadline(d: number, label: number, cpu: number): void {
    const time = this.pendingTime[label]!
    this.trace.time[d] = time
    this.clocks.setDeadline(cpu, time)
    if (time === 0) this.clearVector(cpu, LOCAL_TIMER_VECTOR)
    else this.requestVector(d, cpu, LOCAL_TIMER_VECTOR)
  }

  private labelsOfKind(kind: string): number {
    return this.program.contexts.reduce((mask, context, label) => context.kind === kind ? mask | (1 << label) : mask, 0)
  }
}
