// SPDX-License-Identifier: MIT
/** What a search found, for people and for programs. */
import type { ClassicModel, Progress } from '@bottomhalf/checker'
import Table from 'cli-table3'
import type { CheckOutcome } from './checking/job.js'

const plain = { style: { head: [], border: [] }, chars: { mid: '', 'left-mid': '', 'mid-mid': '', 'right-mid': '' } }

/** Where the schedule of a violation was saved, and how to run it again. */
export interface Saved { readonly file: string, readonly command: string }

/** The counts of a search, its verdict with its bounds, and the execution that breaks something. */
export function checkSummary(outcome: CheckOutcome, saved: Saved | undefined): string {
  const { form } = outcome
  const waits = outcome.waitSignatures.map((signature) => `  ${signature}`)
  return [
    [outcome.program, ...form === undefined ? [] : [`form ${form}`], outcome.mode, outcome.strategy].join(', '),
    countsTable(outcome),
    ...waits.length === 0 ? [] : ['blocked ends wait for:', ...waits],
    verdictText(outcome),
    ...outcome.bounds.map((bound) => `  ${bound}`),
    ...saved === undefined ? [] : ['', outcome.shown?.lanes ?? '', '', ...savedText(outcome, saved)],
  ].join('\n')
}

function countsTable(outcome: CheckOutcome): string {
  const { classes, exact, executions, redundant, steps, maxDepth, seconds, states } = outcome
  const table = new Table({ ...plain, colAligns: ['left', 'right'] })
  const most = exact ? '' : 'at most '
  table.push(
    ['complete', most + count(classes.complete)],
    ['blocked', most + count(classes.blocked)],
    ['executions', count(executions)],
    ['given up as known', count(redundant)],
    ['steps', count(steps)],
    ['longest', `${count(maxDepth)} steps`],
    ...states === undefined ? [] : [['states', count(states)]],
    ['speed', `${count(Math.round(executions / Math.max(seconds, 1e-9)))} executions/s`],
  )
  return table.toString()
}

function verdictText({ verdict, violation, strategy, classes, wasStopped }: CheckOutcome): string {
  if (verdict === 'violation') {
    const many = classes.wrong === 1 ? '1 class of executions' : `${count(classes.wrong)} classes of executions`
    return `violation: ${violation?.kind ?? '?'}: ${violation?.message ?? ''} (${many})`
  }
  if (verdict === 'clean') return 'clean: all that these bounds allow was explored, and nothing is wrong'
  return `unfinished: ${wasStopped ? 'stopped' : strategy + ' ended'} before all was explored; nothing wrong so far`
}

function savedText({ isMinimal, schedulePreemptions, shown }: CheckOutcome, { file, command }: Saved): string[] {
  const kind = isMinimal ? 'the smallest schedule there is' : 'a schedule, perhaps not the smallest'
  const size = schedulePreemptions === null ? '' : ` (${plural(schedulePreemptions, 'preemption')})`
  return shown === null ? [] : [`${kind}${size}, saved in ${file}; run it again:`, `  ${command}`]
}

/** The same as one object. */
export function checkJson(outcome: CheckOutcome, saved: Saved | undefined): object {
  const { program, mode, parameters, strategy, verdict, bounds, classes, waitSignatures } = outcome
  const { executions, redundant, steps, maxDepth, seconds } = outcome
  return {
    program, ...outcome.form === undefined ? {} : { form: outcome.form }, mode, parameters, strategy, verdict, bounds,
    complete: classes.complete, blocked: classes.blocked, exact: outcome.exact, wrong: classes.wrong, waitSignatures,
    executions, redundant, steps, maxDepth, seconds,
    ...outcome.preemptions === undefined ? {} : { preemptions: outcome.preemptions },
    ...outcome.states === undefined ? {} : { states: outcome.states },
    violation: outcome.violation,
    ...saved === undefined ? {} : { schedule: saved.file, replay: saved.command },
  }
}

/** `12 345 executions (4 321/s), depth 40, 321 classes, 12 % done, about 90 000 left`. */
export function progressText(p: Progress): string {
  const left = Number.isFinite(p.executionsLeft)
    ? `, ${(100 * p.done).toPrecision(2)} % done, about ${count(p.executionsLeft)} left`
    : ''
  if (p.states !== undefined) return statesLine(p.states, p.depth)
  return `${count(p.executions)} executions (${count(p.executionsPerSecond)}/s), depth ${p.depth}, ${count(p.classes)} classes${left}`
}

function statesLine({ count: states, perSecond, bytes }: NonNullable<Progress['states']>, depth: number): string {
  return `${count(states)} states (${count(perSecond)}/s, ${Math.ceil(bytes / 2 ** 20)} MiB), depth ${depth}`
}

/** A model as a list shows it. */
export interface Listed extends Pick<ClassicModel, 'name' | 'about' | 'parameters'> { readonly forms?: readonly string[] }

/** The models with their parameters, a line each; then the forms that some have. */
export function modelList(models: readonly Listed[]): string {
  const table = new Table({ ...plain, head: ['model', 'parameters', 'forms', 'what it is'] })
  for (const { name, parameters, about, forms } of models) {
    const ranges = Object.entries(parameters).map(([p, { from, to, initial }]) => `${p}=${initial} (${from}..${to})`)
    table.push([name, ranges.join(', '), forms === undefined ? '' : 'yes', about])
  }
  const forms = models.find((model) => model.forms !== undefined)?.forms ?? []
  return `${table.toString()}\nforms: ${forms.join(' ')} (--form; F is production)`
}

function plural(n: number, word: string): string {
  return `${n} ${word}${n === 1 ? '' : 's'}`
}

function count(n: number): string {
  return n.toLocaleString('en-US').replaceAll(',', ' ')
}
