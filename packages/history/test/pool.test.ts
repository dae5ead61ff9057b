// SPDX-License-Identifier: MIT
/** The table does not depend on how many threads fill it. */
import { expect, it } from 'vitest'
import { historyTable, type Cell } from '../src/table.js'

const WAIT_MS = 60_000

const plain = ({ verdict: { seconds: _, ...verdict }, ...cell }: Cell) => ({ ...cell, verdict })

it('PL1: cells stand in the order of forms and defects and hold the same, with one thread or three', async () => {
  const fill = async (workers: number): Promise<object[]> =>
    (await historyTable({ defect: 'U8', workers, maxExecutions: 20 })).map(plain)
  const cells = await fill(3)
  expect(cells.length).toBeGreaterThan(3)
  expect(cells).toEqual(await fill(1))
}, WAIT_MS)

it('whoever breaks ends the others: the error is told, and no thread is left', async () => {
  await expect(historyTable({ defect: 'U8', maxExecutions: 1, workers: 2, cell: () => {
    throw new Error('enough')
  } })).rejects.toThrow('enough')
}, WAIT_MS)
