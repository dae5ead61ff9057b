// SPDX-License-Identifier: MIT
/**
 * Loops timed in short slices that take turns, and what the slices say.
 *
 * B1  Whatever is compared is sliced together: a machine that gets slower does so for both sides.
 * B2  A slice's figure is the tenth percentile of all slices: interference of others only ever adds to a slice, so the
 *     low end is what the code itself costs. The median stands beside it; far above, it says the machine was busy.
 * B3  A slice is so short (a fraction of a millisecond) that most are not interrupted, and is preceded by turns that are
 *     not timed, so that caches and predictors have forgotten the other side.
 */
import { Bench } from 'tinybench'

export const quick = process.argv.includes('--quick')

const SLICES = quick ? 60 : 400
const WARM_TURNS = 200_000
const SLICE_NS = 300_000

/** Some figures in a few numbers; `typical`: what ratios are made of, here the median. */
export function summary(figures) {
  const sorted = [...figures].sort((a, b) => a - b)
  return { typical: quantile(sorted, 0.5), median: quantile(sorted, 0.5), min: sorted[0], max: sorted.at(-1) }
}

/** The same of slices: `typical` is their tenth percentile (B2). */
function summaryOfSlices(figures) {
  return { ...summary(figures), typical: quantile([...figures].sort((a, b) => a - b), 0.1) }
}

function quantile(sorted, part) {
  const at = part * (sorted.length - 1)
  const below = sorted[Math.floor(at)]
  return below + (sorted[Math.ceil(at)] - below) * (at % 1)
}

/**
 * ns per turn of loops `{name: (turns) => void}`, warmed up here, or `{name: async (turns) => ns}`, which time themselves
 * elsewhere. A summary for each name.
 */
export async function nsPerTurn(loops) {
  const sides = Object.entries(loops).map(([name, loop]) => ({ name, loop, turns: 0, figures: [] }))
  for (const side of sides) side.turns = Math.max(8, Math.round(SLICE_NS / await warm(side.loop)))
  for (let slice = 0; slice < SLICES; slice++) {
    const bench = new Bench({ iterations: 1, time: 0, warmup: false, retainSamples: true })
    for (const { name, loop, turns } of sides) {                                               // B1
      bench.add(name, async () => ({ overriddenDuration: await timed(loop, turns) / 1e6 }))
    }
    await bench.run()
    sides.forEach(({ figures, turns }, i) => { figures.push(bench.tasks[i].result.latency.p50 * 1e6 / turns) })
  }
  return Object.fromEntries(sides.map(({ name, figures }) => [name, summaryOfSlices(figures)]))
}

/** Let a loop be compiled; returns roughly what a turn takes, in ns. */
async function warm(loop) {
  for (let i = 0; i < 20; i++) await timed(loop, WARM_TURNS / 20)
  return await timed(loop, WARM_TURNS / 20) / (WARM_TURNS / 20)
}

async function timed(loop, turns) {
  const before = loop(turns >> 2)   // B3
  if (before instanceof Promise) {
    await before
    return await loop(turns)
  }
  const start = process.hrtime.bigint()
  loop(turns)
  return Number(process.hrtime.bigint() - start)
}

/** A row of the table: `value` against `yardstick` (both of `summary`), with a target. */
export function row(what, unit, value, yardstickName, yardstick, target) {
  if (yardstick === undefined) return { what, unit, value, target }
  const against = { what: yardstickName, ...yardstick }
  return { what, unit, value, against, ratio: value.typical / yardstick.typical, target }
}

/** A row whose target is for the figure itself, not for a ratio. */
export function absoluteRow(what, unit, value, target) {
  return { what, unit, value, target: target === undefined ? undefined : { ...target, unit } }
}

export function print(rows) {
  process.stdout.write(JSON.stringify(rows))
}
