// SPDX-License-Identifier: MIT
/**
 * The requests of `machine/src/native.ts` in every interleaving within the bound: devices request vectors of a CPU that takes
 * them and sleeps. The algorithm is written down again here, as steps of the stepped machine: the native side is
 * made of real atomics and cannot be stepped itself.
 */
import * as machine from '@bottomhalf/machine'
import { AWAIT_NE, NO_CPU, global, word, words } from '@bottomhalf/machine'
import { exhaustive, lockstep } from '@bottomhalf/testkit/lockstep'
import type { Exploration } from '@bottomhalf/testkit/lockstep'
import { expect, test } from 'vitest'

const G = global('doorbellModel', { summary: word, rows: words(2), doorbell: word })
const summary = (): number => G.base + G.summary
const doorbell = (): number => G.base + G.doorbell
const rowOf = (row: number): number => G.base + G.rows + row

type Steps<T = void> = Generator<unknown, T, number>
type Operation = (...operands: number[]) => Steps<number>

// each native operation as the build writes its call
const stepped = machine as unknown as Record<string, (...operands: number[]) => boolean | number>
const operation = (name: string): Operation => function* (...operands) {
  return stepped[name]?.(...operands) === true ? yield : Number(stepped['stepResult']?.())
}
const load = operation('load')
const store = operation('store')
const xchg = operation('xchg')
const fetchOr = operation('fetchOr')
const fetchAnd = operation('fetchAnd')
const awaitWord = operation('awaitWord')

type Mutant = 'none' | 'looksBeforeDoorbell' | 'looksOnceAtRow' | 'summaryFirst' | 'ringsBeforeSummary'

function* request(row: number, bit: number, mutant: Mutant): Steps {
  if (mutant === 'summaryFirst') yield* fetchOr(summary(), 1 << row)
  const fresh = ((yield* fetchOr(rowOf(row), bit)) & bit) === 0
  if (mutant === 'ringsBeforeSummary') yield* ring(fresh)
  if (fresh && mutant !== 'summaryFirst') yield* fetchOr(summary(), 1 << row)
  if (mutant !== 'ringsBeforeSummary') yield* ring(fresh)
}

function* ring(fresh: boolean): Steps {
  if (fresh && (yield* load(doorbell())) !== 0) yield* xchg(doorbell(), 0)
}

/** Sleeps and takes vectors until it has taken `count`. */
function* sleeper(count: number, mutant: Mutant): Steps<number> {
  let taken = 0
  while (taken < count) {
    yield* sleep(mutant)
    while ((yield* takeOne(mutant))) taken++
  }
  return taken
}

function* sleep(mutant: Mutant): Steps {
  const early = mutant === 'looksBeforeDoorbell' ? yield* load(summary()) : 0
  yield* store(doorbell(), 1)
  const requested = mutant === 'looksBeforeDoorbell' ? early : yield* load(summary())
  if (requested === 0) yield* awaitWord(doorbell(), AWAIT_NE, 1)
  yield* store(doorbell(), 0)
}

function* takeOne(mutant: Mutant): Steps<boolean> {
  for (;;) {
    const row = 31 - Math.clz32(yield* load(summary()))
    if (row < 0) return false
    const bits = yield* load(rowOf(row))
    if (bits !== 0) {
      yield* fetchAnd(rowOf(row), ~(bits & -bits))
      return true
    }
    yield* fetchAnd(summary(), ~(1 << row))
    if (mutant === 'looksOnceAtRow') continue
    if ((yield* load(rowOf(row))) !== 0) yield* fetchOr(summary(), 1 << row)
  }
}

/** The vectors of each device: row and bit. */
type Requests = readonly (readonly (readonly [row: number, bit: number])[])[]

function explore(devices: Requests, preemptions: number, mutant: Mutant): Exploration {
  const model = lockstep({ cpus: 1 })
  const count = devices.flat().length
  return exhaustive(model, () => {
    model.spawn(0, () => sleeper(count, mutant))
    devices.forEach((requests, i) => {
      model.spawn(NO_CPU, function* () {
        for (const [row, bit] of requests) yield* request(row, bit, mutant)
      }, `device ${i}`)
    })
  }, () => undefined, { preemptions, accept: ['finished'], maxExecutions: 500_000 })
}

const sameRow: Requests = [[[0, 1]], [[0, 2]]]
const twoRows: Requests = [[[0, 1]], [[1, 1]]]
const oneAfterTheOther: Requests = [[[0, 1], [0, 2]]]

test.each([
  { what: 'two devices, one row', requests: sameRow, preemptions: 3, executions: 4330 },
  { what: 'two devices, two rows', requests: twoRows, preemptions: 3, executions: 4740 },
  { what: 'one device, one row, twice', requests: oneAfterTheOther, preemptions: 4, executions: 1542 },
])('N1: $what: every vector is taken in every interleaving of up to $preemptions preemptions', (example) => {
  const result = explore(example.requests, example.preemptions, 'none')
  expect(result).toMatchObject({ complete: true, failure: undefined, executions: example.executions })
})

test.each([
  { mutant: 'looksBeforeDoorbell', requests: sameRow },
  { mutant: 'looksOnceAtRow', requests: oneAfterTheOther },
  { mutant: 'summaryFirst', requests: sameRow },
  { mutant: 'ringsBeforeSummary', requests: sameRow },
] as const)('N1: twin: $mutant loses a vector or its wake-up', ({ mutant, requests }) => {
  const { failure } = explore(requests, 3, mutant)
  expect(failure?.reason).toBe('hang; CPU 0 waits for doorbellModel.doorbell != 1, it is 1')
})
