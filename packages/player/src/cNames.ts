// SPDX-License-Identifier: MIT
/**
 * The words of an execution as variables of a C program.
 *
 * CN1  A word that anybody accesses atomically is atomic in C, which has no mixed accesses: its plain accesses are relaxed.
 * CN2  A variable begins with what its word held before the first step that touched it.
 */
import { Op, type Executor } from '@bottomhalf/checker'

export interface Word {
  readonly name: string
  /** What it is in the program. */
  readonly of: string
  readonly kind: 'atomic' | 'plain' | 'time'
  readonly initial: number
  /** Its value at the end. */
  readonly last: (executor: Executor) => number
}

const plainOps: readonly number[] = [Op.Ld, Op.St]
const timeOps: readonly number[] = [Op.LdTime, Op.StTime]
/** The timer vector that a deadline stands for. */
const LOCAL_TIMER_VECTOR = 0xfa

export class CNames {
  private readonly byAddress = new Map<number, Word>()
  private readonly byVector = new Map<string, Word>()
  private readonly taken = new Set<string>()

  constructor(executor: Executor) {
    const { trace, depth, program } = executor
    const steps = Array.from({ length: depth }, (_, d) => d)
    const touches = steps.filter((d) => touchesWord(executor, d))
    const mixed = new Set(touches.filter((d) => !plainOps.includes(trace.op[d]!)).map((d) => trace.address[d]!))
    for (const d of touches) {
      const address = trace.address[d]!
      if (this.byAddress.has(address)) continue
      const of = program.wordName(address)
      const isTime = timeOps.includes(trace.op[d]!)
      this.byAddress.set(address, {
        name: this.unused(of), of, kind: isTime ? 'time' : mixed.has(address) ? 'atomic' : 'plain',
        initial: isTime ? timeOf(trace.old[d]!, trace.old2[d]!) : trace.old[d]!,
        last: ({ memory }) => isTime ? timeOf(memory[address]!, memory[address + 1]!) : memory[address]!,
      })
    }
    for (const d of steps) this.noteVector(executor, d)
  }

  words(): Word[] {
    return [...this.byAddress.values(), ...this.byVector.values()]
  }

  wordAt(address: number): Word {
    const word = this.byAddress.get(address)
    if (word === undefined) throw new RangeError(`word ${address} was never touched`)
    return word
  }

  /** The flag of a vector that is requested in step `d`, or for which a handler enters; undefined if it is neither. */
  vectorOf(executor: Executor, d: number): Word | undefined {
    const key = vectorKey(executor, d)
    return key === undefined ? undefined : this.byVector.get(key)
  }

  private noteVector(executor: Executor, d: number): void {
    const key = vectorKey(executor, d)
    if (key === undefined) return
    const isEntry = executor.trace.op[d] === Op.Enter
    const last = isEntry ? 0 : 1
    const known = this.byVector.get(key)
    this.byVector.set(key, {
      name: known?.name ?? this.unused(`vector ${key}`), of: `vector ${key} is requested`, kind: 'atomic',
      initial: known?.initial ?? (isEntry ? 1 : 0), last: () => last,
    })
  }

  private unused(of: string): string {
    const plain = of.replace(/[^A-Za-z0-9]+/g, '_').replace(/^_|_$/g, '')
    const base = /^[A-Za-z]\w*_/.test(plain) ? plain : `w_${plain}`       // not a keyword, nor a name of ours
    let name = base
    for (let n = 2; this.taken.has(name); n++) name = `${base}_${n}`
    this.taken.add(name)
    return name
  }
}

/** A value as C writes it. */
export function numberOf(value: number): string {
  return Number.isFinite(value) ? String(value) : value > 0 ? 'INFINITY' : '-INFINITY'
}

/** Whether a step is an access to memory. */
export function touchesWord({ trace, memory }: Executor, d: number): boolean {
  const op = trace.op[d]!
  return trace.length[d] !== 0 && op !== Op.Xfree && op !== Op.RaiseVector && trace.address[d]! < memory.length
}

function vectorKey({ trace, program }: Executor, d: number): string | undefined {
  switch (trace.op[d]) {
    case Op.RaiseVector: return `${trace.b[d]!} on ${trace.a[d]!}`
    case Op.SetDeadline: return `${LOCAL_TIMER_VECTOR} on ${trace.cpu[d]!}`
    case Op.Enter: return program.contexts[trace.label[d]!]?.kind === 'vector' ? `${trace.a[d]!} on ${trace.cpu[d]!}` : undefined
    default: return undefined
  }
}

function timeOf(first: number, second: number): number {
  return new Float64Array(Int32Array.of(first, second).buffer)[0] ?? 0
}
