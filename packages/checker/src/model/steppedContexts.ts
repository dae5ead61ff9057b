// SPDX-License-Identifier: MIT
/**
 * Contexts that are generators of stepped code.
 *
 * A generator cannot go back. So of every context the last operations that it asked for are kept, with their values: a
 * context that went back and gets the same values again is not run, its next operation is known. Where it gets another
 * value a fresh generator is run through what is kept, without stopping once.
 *
 * The operations of a context are numbered from 1. A number between two activations stands for no operation: its value
 * is what the later one entered for.
 *
 * SP1  The generator stands at the last operation that is kept, and has seen exactly the values kept before it.
 * SP2  A context that asks for other operations than it did with the same values is not deterministic: a violation.
 */
import type { CodePlace, ContextHost, Contexts } from '../program.js'
import { Op } from '../op.js'
import { History, type Steps } from './history.js'
import { placesOf, stackHere } from './places.js'
import type { MachinePort } from './port.js'
import { TrackedLocals } from './trackedLocals.js'

/** How a context begins. `vector` is what it entered for. */
export interface ContextCode {
  readonly cpu: number
  /** What `currentCpu` says there. */
  readonly machineCpu: number
  /** Equal for contexts that run the same code on the same CPU. */
  readonly id: number
  begin(vector: number): unknown
}

export class SteppedContexts implements Contexts {
  private readonly host: ContextHost
  private readonly port: MachinePort
  private readonly codes: readonly ContextCode[]
  private readonly histories: readonly History[]
  /** Cells: number of the operation that is offered, and of the first one of this activation. */
  private readonly offered: number
  private readonly first: number
  /** Local states, if they are asked for. */
  private readonly tracked: TrackedLocals | null
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
    this.tracked = host.tracksLocals ? new TrackedLocals(host, codes.map(({ id }) => id)) : null
    const { Cpu, cpuArea } = port.machine
    this.irqWords = codes.map(({ machineCpu }) => cpuArea(machineCpu, MACHINE_WORDS) + Cpu.irqEnabled)
    this.nestingWords = codes.map(({ machineCpu }) => cpuArea(machineCpu, MACHINE_WORDS) + Cpu.irqNesting)
    this.drive()
  }

  /** Take the machine (again): the last engine that was set drives it. */
  drive(): void {
    const { codes, port, tracked } = this
    port.engine.setEngine({
      begin: (op, a, b, c) => this.begin(op, a, b, c),
      currentCpu: () => codes[this.context]?.machineCpu ?? port.machine.NO_CPU,
      nowNs: () => this.now,
      ...tracked === null ? {} : { locals: tracked.listener(() => this.context) },
    })
  }

  start(context: number): void {
    const { host } = this
    host.setCell(this.first + context, host.cell(this.offered + context) + 1)
    this.advance(context, host.vectorOf(context))
  }

  resume(context: number, value: number): void {
    this.advance(context, value)
  }

  places(context: number): CodePlace[] {
    return placesOf(this.stacks[context] ?? '')
  }

  localHash(context: number, half: number): number | undefined {
    return this.tracked?.hash(context, half)
  }

  /** To the next operation; `value` is that of the one before. */
  private advance(context: number, value: number): void {
    const { host } = this
    const n = host.cell(this.offered + context) + 1
    const history = this.historyOf(context)
    history.ensure(n)
    host.setCell(this.offered + context, n)
    // what the code may ask the machine without a step
    const { cpu } = this.codeOf(context)
    const state = (host.irqIsOn(cpu) ? 1 : 0) + 2 * host.nestingOf(cpu)
    const now = host.timeOf(cpu)
    const isAsBefore = history.value[n - 1] === value && history.state[n] === state && history.now[n] === now
    history.value[n - 1] = value
    history.state[n] = state
    history.now[n] = now
    if (this.tracked !== null) {
      if (!this.advanceTracked(this.tracked, context, n)) return
    } else if (history.last < n || !isAsBefore || host.keepsPlaces) {
      if (!this.run(context, n)) return
    }
    const { op, a, b, c, time } = history
    host.offer(context, op[n]!, a[n]!, b[n]!, c[n]!, time[n])
  }

  /** The same where local states are known again; false if the context broke on the way. */
  private advanceTracked(tracked: TrackedLocals, context: number, n: number): boolean {
    const history = this.historyOf(context)
    const isFirst = n === this.host.cell(this.first + context)
    if (tracked.find(context, history, n, isFirst)) {
      history.generator = null
      history.last = n
      return true
    }
    if (!this.run(context, n)) return false
    tracked.learn(context, history, n, isFirst)
    return true
  }

  /** Run a context to its operation `target`; false if it broke on the way. */
  private run(context: number, target: number): boolean {
    const history = this.historyOf(context)
    const { generator, last } = history
    const first = this.host.cell(this.first + context)
    const isThere = generator !== null && last === target - 1 && target > first
    history.generator = null
    history.last = target - 1
    this.context = context
    this.target = target
    this.next = isThere ? target : first
    this.diverged = false
    this.enterState(this.next)
    if (isThere) this.tracked?.pass(context, history, target - 1)
    else this.tracked?.begin(context, history.value[first - 1]!)
    try {
      return this.settle(history, isThere ? generator : this.startCode(context), history.value[this.next - 1]!)
    } catch (error) {
      this.host.fail(context, 'bug', error instanceof Error ? error.message : String(error))
      return false
    }
  }

  /** What the code of a context returns: a generator, unless nothing in it is a step. */
  private startCode(context: number): Steps | null {
    const started = this.codeOf(context).begin(this.host.vectorOf(context))
    return isGenerator(started) ? started : null
  }

  /** Keep what the generator stops at. */
  private settle(history: History, generator: Steps | null, value: number): boolean {
    const { context, target } = this
    const isDone = generator?.next(value).done !== false
    if (this.diverged || this.next !== target) {
      const message = `${target} operations were known, and operation ${this.next} is another one now`
      this.host.fail(context, 'nondeterminism', message)
      return false
    }
    if (isDone) this.keep(target, Op.Done, 0, 0, 0)
    else history.generator = generator
    history.last = target
    return true
  }

  /** Called by the machine before each operation: true stops the context there. */
  private begin(op: number, a: number, b: number, c: number): boolean {
    const n = this.next
    const history = this.historyOf(this.context)
    if (n >= this.target) {
      if (this.host.keepsPlaces) this.stacks[this.context] = stackHere()
      this.keep(n, op, a, b, c)
      return true
    }
    if (history.op[n] !== op || history.a[n] !== a || history.b[n] !== b || history.c[n] !== c) {
      this.diverged = true
      return true
    }
    this.next = n + 1
    this.enterState(n + 1)
    this.tracked?.pass(this.context, history, n)
    this.port.engine.setStepResult(history.value[n]!)
    return false
  }

  private keep(n: number, op: number, a: number, b: number, c: number): void {
    const time = op === Op.StTime || op === Op.SetDeadline ? this.port.engine.stepTime() : 0
    this.historyOf(this.context).keep(n, op, a, b, c, time)
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
