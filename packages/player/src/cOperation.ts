// SPDX-License-Identifier: MIT
/** One step of an execution as a statement of C. */
import { describeStep, Op, type Executor } from '@bottomhalf/checker'
import { numberOf, touchesWord, type CNames, type Word } from './cNames.js'

export interface COperation {
  /** '' if the step does nothing that another CPU could see. */
  readonly code: string
  /** What the step was, where the code does not say it. */
  readonly note: string
}

const bit = (nr: number): string => `(int)(1u << ${nr})`

export function operationOf(executor: Executor, d: number, names: CNames): COperation {
  const { trace } = executor
  if (touchesWord(executor, d)) return access(executor, d, names.wordAt(trace.address[d]!))
  const note = describeStep(executor, d)
  const vector = names.vectorOf(executor, d)
  if (vector !== undefined) {
    const code = trace.op[d] === Op.Enter ? `READ(atomic_exchange(&${vector.name}, 0), 1)` : `atomic_store(&${vector.name}, 1)`
    return { code, note }
  }
  return trace.op[d] === Op.SmpMb ? { code: 'atomic_thread_fence(memory_order_seq_cst)', note } : { code: '', note }
}

function access({ trace }: Executor, d: number, { name, kind }: Word): COperation {
  const [b, c, value] = [trace.b[d]!, trace.c[d]!, trace.value[d]!]
  const word = `&${name}`
  const read = (code: string, note = ''): COperation => ({ code: `READ(${code}, ${numberOf(value)})`, note })
  const write = (code: string): COperation => ({ code, note: '' })
  switch (trace.op[d]) {
    case Op.Ld: return read(kind === 'atomic' ? `atomic_load_explicit(${word}, memory_order_relaxed)` : name)
    case Op.St: return write(kind === 'atomic' ? `atomic_store_explicit(${word}, ${b}, memory_order_relaxed)` : `${name} = ${b}`)
    case Op.LdTime: return read(name)
    case Op.StTime: return write(`${name} = ${numberOf(trace.time[d]!)}`)
    case Op.Load: return read(`atomic_load(${word})`)
    case Op.AwaitWord: return { code: `READ(atomic_load(${word}), ${trace.old[d]!})`, note: 'await' }
    case Op.Store: return write(`atomic_store(${word}, ${b})`)
    case Op.Xchg: return read(`atomic_exchange(${word}, ${b})`)
    case Op.Cmpxchg: return read(`compareExchange(${word}, ${b}, ${c})`)
    case Op.FetchAdd: return read(`atomic_fetch_add(${word}, ${b})`)
    case Op.FetchOr: return read(`atomic_fetch_or(${word}, ${b})`)
    case Op.FetchAnd: return read(`atomic_fetch_and(${word}, ${b})`)
    case Op.TestAndSetBit: return read(`(atomic_fetch_or(${word}, ${bit(b)}) >> ${b} & 1)`)
    case Op.TestAndClearBit: return read(`(atomic_fetch_and(${word}, ~${bit(b)}) >> ${b} & 1)`)
    case Op.Lock: return { code: `READ(compareExchange(${word}, 0, ${trace.label[d]! + 1}), 0)`, note: 'lock' }
    case Op.Unlock: return { code: `atomic_store(${word}, 0)`, note: 'unlock' }
    default: throw new RangeError(`operation ${trace.op[d] ?? -1} has no C`)
  }
}
