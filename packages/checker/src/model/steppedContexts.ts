// SPDX-License-Identifier: MIT
/**
 * Contexts that are generators of stepped code.
 *
 * A generator cannot go back. So of every context all its operations and their values are kept; when it is resumed at
 * a place where its generator is not, a fresh generator is run through what is kept without stopping once. Contexts
 * that did not move since are left alone.
 *
 * SP1  A generator that stands at operation n has seen exactly the values kept for the operations before n.
 * SP2  A context that asks for other operations than it did with the same values is not deterministic: a violation.
 */
import type { CodePlace, ContextHost, Contexts } from '../program.js'
import { Op } from '../op.js'
import { larger } from '../undo.js'
import { placesOf, stackHere } from './places.js'
import type { MachinePort } from './port.js'

type Steps = Generator<unknown, unknown, number>

/** How a context begins. `vector` is what it entered for. */
export interface ContextCode {
  readonly cpu: number
  /** What `currentCpu` says there. */
  readonly machineCpu: number
  begin(vector: number): unknown
}

/** The operations of one context along the present path, by number. */
class History {
  op = new Uint8Array(64)
  a = new Int32Array(64)
  b = new Int32Array(64)
  c = new Int32Array(64)
  time = new Float64Array(64)
  value = new Float64Array(64)
  /** While the code ran that led to the operation: IF, plus twice the active handlers; and the CPU's time. */
  state = new Int32Array(64)
  now = new Float64Array(64)
  generator: Steps | null = null
  /** Number of the operation that the generator stands at. */
  at = -1

  ensure(n: number): void {
    if (n < this.op.length) return
    for (const name of ['op', 'a', 'b', 'c', 'time', 'value', 'state', 'now'] as const) {
      this[name] = larger(this[name] as Int32Array, n + 1) as never
    }
  }
}

export class SteppedContexts implements Contexts {
  private readonly host: ContextHost
  private readonly port: MachinePort
  private readonly codes: readonly ContextCode[]
  private readonly histories: readonly History[]
  /** Cells: number of the operation that is offered, and of the first one of this activation. */
  private readonly offered: number
  private readonly first: number
  /** Where the machine keeps IF and the nesting of each context's CPU. */
  private readonly irqWords: readonly number[]
  private readonly nestingWords: readonly number[]
  /** The stack at the operation that each context offers, if places are kept. */
  private readonly stacks: string[] = []
  // the context that runs, the number of its next operation, and the one to stop before
  private context = 0
  private next = 0
  private target = 0
  private now = 0
  private diverged = false

  constructor(host: ContextHost, port: MachinePort, codes: readonly ContextCode[]) {
    this.host = host
    this.port = port
    this.codes = codes
    this.histories = codes.map(() => new History())
    this.offered = host.reserve(codes.length)
    this.first = host.reserve(codes.length)
    const { Cpu, cpuArea } = port.machine
    this.irqWords = codes.map(({ machineCpu }) => cpuArea(machineCpu, MACHINE_WORDS) + Cpu.irqEnabled)
    this.nestingWords = codes.map(({ machineCpu }) => cpuArea(machineCpu, MACHINE_WORDS) + Cpu.irqNesting)
    this.drive()
  }

  /** Take the machine (again): the last engine that was set drives it. */
  drive(): void {
    const { codes, port } = this
    port.engine.setEngine({
      begin: (op, a, b, c) => this.begin(op, a, b, c),
      currentCpu: () => codes[this.context]?.machineCpu ?? port.machine.NO_CPU,
      nowNs: () => this.now,
    })
  }

  start(context: number): void {
    const { host } = this
    const at = host.cell(this.offered + context)
    host.setCell(this.first + context, at)
    this.noteState(context, at)
    this.run(context, at, 0)
  }

  resume(context: number, value: number): void {
    const { host } = this
    const at = host.cell(this.offered + context)
    this.historyOf(context).value[at] = value
    host.setCell(this.offered + context, at + 1)
    this.noteState(context, at + 1)
    this.run(context, at + 1, value)
  }

  places(context: number): CodePlace[] {
    return placesOf(this.stacks[context] ?? '')
  }

  localHash(): undefined {
    return undefined
  }

  /** What the code that leads to operation `n` may ask the machine without a step. */
  private noteState(context: number, n: number): void {
    const { host } = this
    const { cpu } = this.codeOf(context)
    const history = this.historyOf(context)
    history.ensure(n)
    history.state[n] = (host.irqIsOn(cpu) ? 1 : 0) + 2 * host.nestingOf(cpu)
    history.now[n] = host.timeOf(cpu)
  }

  /** Bring a context to its operation `target`; `value` is that of the one before. */
  private run(context: number, target: number, value: number): void {
    const history = this.historyOf(context)
    const first = this.host.cell(this.first + context)
    const isThere = history.generator !== null && history.at === target - 1 && target > first
    this.context = context
    this.target = target
    this.next = isThere ? target : first
    this.enterState(this.next)
    try {
      this.settle(history, isThere ? history.generator?.next(value) : this.restart(history))
    } catch (error) {
      history.generator = null
      history.at = -1
      this.host.fail(context, 'bug', error instanceof Error ? error.message : String(error))
    }
  }

  private restart(history: History): IteratorResult<unknown, unknown> {
    const started = this.codeOf(this.context).begin(this.host.vectorOf(this.context))
    if (!isGenerator(started)) return { done: true, value: started }
    history.generator = started
    return started.next(0)
  }

  /** Offer what the generator stopped at. */
  private settle(history: History, result: IteratorResult<unknown, unknown> | undefined): void {
    const { host, context, target } = this
    if (this.diverged || this.next !== target) {
      this.diverged = false
      history.generator = null
      return host.fail(context, 'nondeterminism', `${target} operations were known, and operation ${this.next} is another one now`)
    }
    if (result?.done !== false) {
      history.generator = null
      history.at = -1
      return host.offer(context, Op.Done, 0, 0, 0)
    }
    history.at = target
    const { op, a, b, c, time } = history
    host.offer(context, op[target]!, a[target]!, b[target]!, c[target]!, time[target])
  }

  /** Called by the machine before each operation: true stops the context there. */
  private begin(op: number, a: number, b: number, c: number): boolean {
    const n = this.next
    const history = this.historyOf(this.context)
    if (n >= this.target) {
      if (this.host.keepsPlaces) this.stacks[this.context] = stackHere()
      history.op[n] = op
      history.a[n] = a
      history.b[n] = b
      history.c[n] = c
      history.time[n] = op === Op.StTime || op === Op.SetDeadline ? this.port.engine.stepTime() : 0
      return true
    }
    if (history.op[n] !== op || history.a[n] !== a || history.b[n] !== b || history.c[n] !== c) {
      this.diverged = true
      return true
    }
    this.next = n + 1
    this.enterState(n + 1)
    this.port.engine.setStepResult(history.value[n]!)
    return false
  }

  private enterState(n: number): void {
    const history = this.historyOf(this.context)
    const memory = this.port.engine.memoryWords
    const state = history.state[n]!
    memory[this.irqWords[this.context] ?? 0] = state & 1
    memory[this.nestingWords[this.context] ?? 0] = state >> 1
    this.now = history.now[n]!
  }

  private historyOf(context: number): History {
    return at(this.histories, context)
  }

  private codeOf(context: number): ContextCode {
    return at(this.codes, context)
  }
}

/** The machine's words of a CPU's area. */
const MACHINE_WORDS = { base: 0 }

function at<T>(list: readonly T[], index: number): T {
  const value = list[index]
  if (value === undefined) throw new RangeError(`no context ${index}`)
  return value
}

function isGenerator(value: unknown): value is Steps {
  return typeof value === 'object' && value !== null && Symbol.iterator in value && 'next' in value
}
