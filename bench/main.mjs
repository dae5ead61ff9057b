// SPDX-License-Identifier: MIT
/**
 * The benchmark table: figures are ratios of two things measured in this one run, with their targets; a target with a unit is
 * for the figure itself.
 *
 *     npm run bench -- [--quick] [--json] [--only NAME]
 *
 * Each suite runs in a process of its own, so that what one compiled does not slow the next, and prints its rows as JSON.
 */
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import Table from 'cli-table3'
import { Command, Option } from 'commander'

const suites = ['operations', 'cycles', 'bindings', 'throughput', 'wakeup', 'guests', 'peers', 'checker']

const program = new Command('npm run bench --')
  .description('Print the benchmark table. Times differ between machines and runs; the ratios are what to look at.')
  .option('--quick', 'fewer rounds: wider spread', false)
  .option('--json', 'print one JSON object', false)
  .addOption(new Option('--only <suite>', 'one suite').choices(suites))
  .parse()
const { quick, json, only } = program.opts()

const rows = []
for (const suite of only === undefined ? suites : [only]) {
  process.stderr.write(`bench: ${suite}...\n`)
  const file = fileURLToPath(new URL(`./suites/${suite}.mjs`, import.meta.url))
  const { status, stdout } = spawnSync(process.execPath, [file, ...quick ? ['--quick'] : []], {
    encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'], maxBuffer: 1 << 26,
  })
  if (status !== 0) {
    process.stderr.write(`bench: ${suite} failed\n`)
    process.exitCode = 70
    continue
  }
  rows.push(...JSON.parse(stdout).map((row) => ({ suite, ...row, met: isMet(row) })))
}

process.stdout.write(json ? `${JSON.stringify({ node: process.version, rows })}\n` : `${render(rows)}\n`)

/** Whether a row meets its target; null if it has none, or its yardstick was missing. */
function isMet({ value, ratio, target }) {
  const judged = target?.unit === undefined ? ratio : value.typical
  if (target === undefined || judged === undefined) return null
  if (target.exactly !== undefined) return judged === target.exactly
  return target.atMost === undefined ? judged >= target.atLeast : judged <= target.atMost
}

function render(all) {
  const table = new Table({
    head: ['what', 'typical', 'median, spread', 'against', 'typical', 'ratio', 'target', 'met'],
    colAligns: ['left', 'right', 'right', 'left', 'right', 'right', 'right', 'left'],
    style: { head: [], border: [] }, chars: { mid: '', 'left-mid': '', 'mid-mid': '', 'right-mid': '' },
  })
  for (const { what, unit, value, against, ratio, target, met } of all) {
    table.push([
      what, `${figure(value.typical)} ${unit}`, `${figure(value.median)}, ${figure(value.min)}..${figure(value.max)}`,
      against?.what ?? '', against === undefined ? '' : `${figure(against.typical)} ${unit}`,
      ratio === undefined ? '' : ratio.toFixed(2), targetText(target), met === null ? '' : met ? 'yes' : 'no',
    ])
  }
  return table.toString()
}

function targetText(target) {
  if (target === undefined) return ''
  const { exactly, atMost, atLeast, unit } = target
  const bound = exactly !== undefined ? `= ${exactly}` : atMost === undefined ? `>= ${atLeast}` : `<= ${atMost}`
  return unit === undefined ? bound : `${bound} ${unit}`
}

function figure(n) {
  return n >= 1000 ? n.toFixed(0) : n.toPrecision(3)
}
