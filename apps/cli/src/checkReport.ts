// SPDX-License-Identifier: MIT
/** What a search found, for people. */
import type { CheckResult, ClassicModel } from '@bottomhalf/checker'
import Table from 'cli-table3'

const plain = { style: { head: [], border: [] }, chars: { mid: '', 'left-mid': '', 'mid-mid': '', 'right-mid': '' } }

/** The counts of a search and its verdict with its bounds. */
export function checkSummary(result: CheckResult): string {
  const table = new Table({ ...plain, colAligns: ['left', 'right'] })
  const { classes, executions, redundant, steps, maxDepth, seconds } = result
  table.push(
    ['complete', String(classes.complete)],
    ['blocked', String(classes.blocked)],
    ['executions', String(executions)],
    ['given up as known', String(redundant)],
    ['steps', String(steps)],
    ['longest', `${maxDepth} steps`],
    ['speed', `${Math.round(executions / Math.max(seconds, 1e-9))} executions/s`],
  )
  const waits = result.waitSignatures.map((signature) => `  ${signature}`)
  const blocked = waits.length === 0 ? [] : ['blocked ends wait for:', ...waits]
  return [`${result.program}, ${result.mode}, ${result.strategy}`, table.toString(), ...blocked, verdictText(result)].join('\n')
}

function verdictText({ verdict, violation, strategy, preemptions, classes }: CheckResult): string {
  if (verdict === 'violation') return `violation: ${violation?.kind ?? '?'}: ${violation?.message ?? ''} (${classes.wrong} classes are wrong)`
  if (verdict === 'clean') {
    const bound = preemptions === undefined || preemptions === null ? 'every interleaving' : `up to ${preemptions} preemptions`
    return `clean: ${bound} was explored (sequential consistency)`
  }
  return `unfinished: ${strategy} stopped before all was explored; nothing wrong so far`
}

/** The models with their parameters. */
export function modelList(models: readonly ClassicModel[]): string {
  const table = new Table({ ...plain, head: ['model', 'parameters', 'what it is'] })
  for (const { name, parameters, about } of models) {
    const ranges = Object.entries(parameters).map(([p, { from, to, initial }]) => `${p}=${initial} (${from}..${to})`)
    table.push([name, ranges.join(', '), about])
  }
  return table.toString()
}
