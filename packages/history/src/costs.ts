// SPDX-License-Identifier: MIT
/**
 * What a delivery costs, counted in operations of the machine, from the entry of the interrupt until its CPUs are at rest.
 *
 * CO1  A situation is one execution: who goes when is fixed, so two forms differ by what they do and nothing else.
 * CO2  Words of the models themselves are not counted: the recorder in place of the guest, the count of arrivals.
 */
import { type Executor, Op, opName, programOf, Session, type ModelDefinition } from '@bottomhalf/checker'
import { spread } from './models/spread.js'

export interface Cost {
  /** Atomic operations, those of locks among them. */
  readonly atomics: number
  readonly plain: number
  readonly locks: number
  /** Vectors that are requested of another CPU. */
  readonly ipis: number
  /** Lines of memory that more than one CPU touches, and one of them writes. */
  readonly sharedLines: number
  /** All of them by name. */
  readonly operations: Readonly<Record<string, number>>
  /** What broke on the way: then nothing behind it is counted. */
  readonly violation: string | null
}

export interface SituationCost extends Situation { readonly cost: Cost }

interface Situation {
  readonly name: string
  readonly what: string
  readonly interrupts: number
}

interface Scripted extends Situation {
  readonly model: ModelDefinition<unknown>
  readonly script: (run: Run) => void
}

const situations: readonly Scripted[] = [
  {
    name: 'alone', what: 'interrupt and softirq on one CPU', interrupts: 1, model: spread({ cpus: 1, irqs: 1 }),
    script: (run) => { run.interrupt(0) },
  },
  {
    name: 'again', what: 'a second interrupt while the first is delivered, on its CPU', interrupts: 2, model: spread({ cpus: 1, irqs: 2 }),
    script: (run) => {
      run.interrupt(0)
      run.untilDelivery(0)
      run.interrupt(0)
    },
  },
  {
    name: 'spread', what: 'the second on another CPU', interrupts: 2, model: spread({ cpus: 2, irqs: 2 }),
    script: (run) => {
      run.interrupt(0)
      run.untilDelivery(0)
      run.interrupt(1)
      run.goOn(1)
    },
  },
]

/** The cost of each situation with the form of this thread. */
export async function costsHere(): Promise<SituationCost[]> {
  const costs: SituationCost[] = []
  for (const { model, script, ...situation } of situations) {
    const { program } = await programOf(model)
    const run = new Run(new Session(program))
    script(run)
    run.toRest()
    costs.push({ ...situation, cost: costOf(run.session.executor) })
  }
  return costs
}

/** An execution that a script drives. */
class Run {
  readonly session: Session

  constructor(session: Session) {
    this.session = session
  }

  /** The next interrupt of a device enters a CPU, and returns. */
  interrupt(cpu: number): void {
    const { executor } = this.session
    const label = lowest(executor.enabled() & executor.labelsOf[cpu]! & executor.irqs)
    while (((executor.enabled() >>> label) & 1) !== 0) this.session.step(label)
  }

  /** A CPU goes on, without further interrupts of devices, until it waits or `isEnough`. Whether it went at all. */
  goOn(cpu: number, isEnough = (): boolean => false): boolean {
    const { executor } = this.session
    const before = executor.depth
    for (;;) {
      const can = executor.isEnd() ? 0 : executor.enabled() & executor.labelsOf[cpu]! & ~executor.irqs
      if (can === 0) return executor.depth > before
      this.session.step(highest(can))
      if (isEnough()) return true
    }
  }

  /** The same until it tells the guest of an arrival. */
  untilDelivery(cpu: number): void {
    const { executor } = this.session
    this.goOn(cpu, () => {
      const d = executor.depth - 1
      return executor.trace.writes[d] !== 0 && nameAt(executor, d).startsWith('historyGuest.seen')
    })
  }

  /** All go on until nobody can. */
  toRest(): void {
    const cpus = Array.from({ length: this.session.executor.cpuCount }, (_, cpu) => cpu)
    while (cpus.filter((cpu) => this.goOn(cpu)).length > 0);
  }
}

const lowest = (labels: number): number => 31 - Math.clz32(labels & -labels)
const highest = (labels: number): number => 31 - Math.clz32(labels)
const nameAt = ({ trace, program }: Executor, d: number): string => trace.length[d] === 0 ? '' : program.wordName(trace.address[d]!)

// ---- counting

/** 64 bytes. */
const LINE_WORDS = 16

const plainOps: readonly number[] = [Op.Ld, Op.St, Op.LdTime, Op.StTime]
const atomicOps: readonly number[] = [
  Op.Load, Op.Store, Op.Xchg, Op.Cmpxchg, Op.FetchAdd, Op.FetchOr, Op.FetchAnd, Op.TestAndSetBit, Op.TestAndClearBit,
  Op.AwaitWord,
]

function costOf(executor: Executor): Cost {
  const { trace, depth, violation } = executor
  const steps = Array.from({ length: depth }, (_, d) => d).filter((d) => !nameAt(executor, d).startsWith('history'))   // CO2
  const count = (is: (d: number) => boolean): number => steps.filter(is).length
  const operations: Record<string, number> = {}
  for (const d of steps) {
    const name = opName(trace.op[d]!)
    if (trace.op[d] !== Op.Enter) operations[name] = (operations[name] ?? 0) + 1
  }
  return {
    atomics: count((d) => atomicOps.includes(trace.op[d]!)),
    plain: count((d) => plainOps.includes(trace.op[d]!)),
    locks: count((d) => takesLock(executor, d)),
    ipis: count((d) => trace.op[d] === Op.RaiseVector && trace.a[d] !== trace.cpu[d]),
    sharedLines: sharedLines(executor, steps),
    operations,
    violation: violation === null ? null : `${violation.kind}: ${violation.message}`,
  }
}

/** The models' locks are of the kind test-and-set. */
function takesLock(executor: Executor, d: number): boolean {
  const { op, b, value } = executor.trace
  return op[d] === Op.Cmpxchg && value[d] === b[d] && /[lL]ock\.state$/.test(nameAt(executor, d))
}

function sharedLines({ trace }: Executor, steps: readonly number[]): number {
  const lines = new Map<number, { cpus: number, isWritten: boolean }>()
  for (const d of steps) {
    if (trace.length[d] === 0 || trace.op[d] === Op.RaiseVector) continue
    const line = Math.floor(trace.address[d]! / LINE_WORDS)
    const { cpus, isWritten } = lines.get(line) ?? { cpus: 0, isWritten: false }
    lines.set(line, { cpus: cpus | 1 << trace.cpu[d]!, isWritten: isWritten || trace.writes[d] !== 0 })
  }
  return [...lines.values()].filter(({ cpus, isWritten }) => isWritten && (cpus & (cpus - 1)) !== 0).length
}
