// SPDX-License-Identifier: MIT
/** Executions a second of a search, in seconds of this process on its CPU, so that other load on the machine counts little. */
import { quick } from '../measure.mjs'

const ROUNDS = quick ? 3 : 9

/** @param search what explores up to so many executions and returns (a promise of) the result */
export async function ratesOf(search) {
  await search(10_000)
  const rates = []
  let last
  for (let round = 0; round < ROUNDS; round++) {
    const before = process.cpuUsage()
    last = await search(30_000)
    const { user, system } = process.cpuUsage(before)
    rates.push(last.executions / ((user + system) / 1e6))
  }
  return { rates, steps: last.maxDepth }
}
