// SPDX-License-Identifier: MIT
import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import fc from 'fast-check'
import { afterAll, describe, expect, test } from 'vitest'

/** Operation, CPU, three operands: what they mean is the fixture's. */
type Step = readonly [name: string, cpu: number, a: number, b: number, c: number]
interface Answer { readonly results: readonly number[], readonly hash: number, readonly live: readonly unknown[] }
type Ask = (steps: readonly Step[]) => Promise<Answer>

const operations = [
  'ld', 'st', 'load', 'store', 'xchg', 'cmpxchg', 'fetchAdd', 'fetchOr', 'fetchAnd', 'testAndSetBit', 'testAndClearBit',
  'smpMb', 'stTime', 'ldTime', 'xmalloc', 'xzalloc', 'xfree', 'irqDisable', 'irqEnable', 'irqSave', 'irqRestore',
  'cpuRelax', 'raiseVector',
]
const operand = fc.oneof(fc.nat(300), fc.integer({ min: -0x80000000, max: 0x7fffffff }), fc.constant(0x80000000))
const steps = fc.array(
  fc.tuple(fc.constantFrom(...operations), fc.nat(2), fc.nat(300), operand, operand), { maxLength: 150, size: 'max' },
)

const workers: Worker[] = []
afterAll(async () => { await Promise.all(workers.map((worker) => worker.terminate())) })

/** A side of the machine in a thread of its own, from the built package: one thread has one side. */
async function startSide(stepped: boolean, debug: boolean, mutant = false): Promise<Ask> {
  const worker = new Worker(new URL('./fixtures/side.mjs', import.meta.url), {
    workerData: { stepped, debug, mutant }, execArgv: stepped ? ['--conditions=stepped'] : [],
  })
  workers.push(worker)
  await once(worker, 'message')
  return async (sequence) => {
    worker.postMessage(sequence)
    const [answer] = await once(worker, 'message') as [Answer]
    return answer
  }
}

describe.each([{ debug: false }, { debug: true }])('native and stepped, debug $debug', ({ debug }) => {
  test('D2: any sequence of operations on three CPUs gives the same results and leaves the same memory', async () => {
    const native = await startSide(false, debug)
    const stepped = await startSide(true, debug)
    await compare(native, stepped)
  })
})

test('D2: twin: a stepped side that takes no vector where IF is restored is found', async () => {
  const native = await startSide(false, false)
  const mutant = await startSide(true, false, true)
  await expect(compare(native, mutant)).rejects.toThrow('Property failed')
})

async function compare(native: Ask, stepped: Ask): Promise<void> {
  await fc.assert(fc.asyncProperty(steps, async (sequence) => {
    expect(await stepped(sequence)).toEqual(await native(sequence))
  }), { numRuns: 200 })
}

test('the hash tells memories apart: one bit, one vector, one flag, one block make another', async () => {
  const native = await startSide(false, false)
  const sequences: Step[][] = [
    [], [['st', 0, 0, 1, 0]], [['st', 0, 0, 2, 0]], [['st', 0, 1, 1, 0]], [['raiseVector', 0, 0, 0x40, 0]],
    [['raiseVector', 0, 1, 0x40, 0]], [['irqEnable', 0, 0, 0, 0]], [['irqEnable', 1, 0, 0, 0]], [['xmalloc', 0, 0, 4, 1]],
    [['xmalloc', 0, 0, 4, 2]], [['stTime', 0, 0, 1, 0]],
  ]
  const hashes: number[] = []
  for (const sequence of sequences) hashes.push((await native(sequence)).hash)
  expect(new Set(hashes).size).toBe(sequences.length)
})
