// SPDX-License-Identifier: MIT
/**
 * Executions a second of the checker with all its bookkeeping, and how many executions partial-order reduction saves.
 *
 * Other checkers' figures are the ranges that are published for such programs, native code on their own machines; nothing of
 * them was measured here, so they are rows to compare orders of magnitude with and have no target.
 */
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { modelText, runProgram } from '@bottomhalf/checker'
import { ratesOf } from '../machines/rates.mjs'
import { print, quick, row, summary } from '../measure.mjs'

const wanted = constant(100_000)
const published = [
  ['GenMC, published 20 to 250 k/s', [20_000, 250_000]],
  ['Nidhugg, published 3 to 5 k/s', [3000, 5000]],
  ['loom, published 7 to 15 k/s', [7000, 15_000]],
]

const dpci = modelText('dpci', { cpus: 4 })
const text = await ratesOf((maxExecutions) => runProgram(dpci, { maxExecutions }))
const model = modelRates()
const small = modelText('lastzero', { n: 4 })
const naive = runProgram(small, { strategy: 'naive' })
const dpor = runProgram(small)

print([
  row(`text program, up to ${text.steps} steps`, '/s', summary(text.rates), 'wanted', wanted, { atLeast: 1 }),
  row(`model of stepped code, up to ${model.steps} steps`, '/s', summary(model.rates), 'wanted', wanted, { atLeast: 1 }),
  ...published.map(([name, range]) => row('text program', '/s', summary(text.rates), name, summary(range))),
  row('lastzero 4: executions, naive', '', constant(naive.executions), 'dpor', constant(dpor.executions)),
])

function modelRates() {
  const file = fileURLToPath(new URL('../machines/checkerModel.mjs', import.meta.url))
  const { stdout, status } = spawnSync(process.execPath, ['--conditions=stepped', file, ...quick ? ['--quick'] : []], {
    encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'],
  })
  if (status !== 0) throw new Error('the model did not run')
  return JSON.parse(stdout)
}

function constant(figure) {
  return summary([figure])
}
