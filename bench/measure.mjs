// SPDX-License-Identifier: MIT
/** Rounds of a loop, and what they say: median, smallest, largest. Interleaved, so that drift hits all alike. */
import { Bench } from 'tinybench'

export const quick = process.argv.includes('--quick')

/** Median and spread of some figures. */
export function summary(figures) {
  const sorted = [...figures].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  const median = sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
  return { median, min: sorted[0], max: sorted.at(-1) }
}

/**
 * Time loops, `{name: (count) => void}`, each called with a count per round; ns per turn. The rounds of all loops take
 * turns, so that a machine that gets slower does so for all of them.
 */
export async function nsPerTurn(loops, count) {
  const rounds = quick ? 9 : 31
  for (const loop of Object.values(loops)) for (let i = 0; i < 6; i++) loop(count / 4)
  const samples = Object.fromEntries(Object.keys(loops).map((name) => [name, []]))
  for (let round = 0; round < rounds; round++) {
    const bench = new Bench({ iterations: 1, time: 0, warmup: false, retainSamples: true })
    for (const [name, loop] of Object.entries(loops)) bench.add(name, () => { loop(count) })
    await bench.run()
    for (const { name, result } of bench.tasks) samples[name].push(result.latency.p50 * 1e6 / count)
  }
  return Object.fromEntries(Object.entries(samples).map(([name, figures]) => [name, summary(figures)]))
}

/** A row of the table: `value` against `yardstick` (both of `summary`), with a target. */
export function row(what, unit, value, yardstickName, yardstick, target) {
  if (yardstick === undefined) return { what, unit, value, target }
  const against = { what: yardstickName, ...yardstick }
  return { what, unit, value, against, ratio: value.median / yardstick.median, target }
}

export function print(rows) {
  process.stdout.write(JSON.stringify(rows))
}
