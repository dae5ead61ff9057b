// SPDX-License-Identifier: MIT
/**
 * `bottomhalf history`: ten years of defects of one protocol, each looked for in each of its forms.
 *
 * Exit code 0: every defect that is known of a form was found in it; production is clean in every schedule.
 */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { formatSchedule } from '@bottomhalf/checker'
import { checkProduction, defects, forms, historyTable, notChecked, type Cell, type ModelVerdict } from '@bottomhalf/history'
import Table from 'cli-table3'
import type { Command } from 'commander'
import { ExitCode } from './exitCodes.js'
import { UsageError } from './failure.js'
import { statusLine } from './progress.js'
import { wholeNumber } from './values.js'

interface Flags {
  form?: string
  defect?: string
  save?: string
  preemptions: number
  maxExecutions: number
  workers?: number
  json: boolean
}

/** Add `history` to the program. `done` gets the exit code. */
export function addHistory(program: Command, done: (code: number) => void): void {
  program.command('history')
    .summary('find the known defects of the protocol again, form by form')
    .description('Look for every known defect of passthrough interrupts in every published form of their protocol, and in\n' +
      'production. Found always means: in our model of that form, within the bounds printed beside it.')
    .option('--form <name>', 'this form only')
    .option('--defect <id>', 'this defect only')
    .option('--save <dir>', 'write the schedule of each defect that is found into a folder')
    .option('--preemptions <n>', 'of the schedules that are shown: preemptions at most', wholeNumber(0, 10), 2)
    .option('--max-executions <n>', 'and executions at most, to find one', wholeNumber(1, 1e9), 1000)
    .option('--workers <n>', 'threads (default: all cores)', wholeNumber(1, 64))
    .option('--json', 'print one JSON object', false)
    .action(async (flags: Flags) => { done(await history(flags)) })
}

async function history(flags: Flags): Promise<number> {
  requireKnown(flags)
  const { form, defect, preemptions, maxExecutions, workers } = flags
  const line = statusLine(process.stderr)
  const begun = performance.now()
  let known = 0
  const production = defect === undefined && (form ?? 'F') === 'F' ? await checkProduction(({ program, verdict }) => {
    line.show(`production: ${program} ${verdict}`)
  }) : []
  const cells = await historyTable({
    ...form === undefined ? {} : { form }, ...defect === undefined ? {} : { defect },
    ...workers === undefined ? {} : { workers },
    preemptions, maxExecutions, minimiseSeconds: flags.save === undefined ? 0 : 2,
    cell: (cell) => { line.show(`${++known} cells, form ${cell.form}: ${cell.defect.id} ${cell.state}`) },
  })
  line.end()
  if (flags.save !== undefined) save(flags.save, cells)
  const seconds = (performance.now() - begun) / 1000
  const result = { cells, production, seconds }
  process.stdout.write(flags.json ? `${JSON.stringify(jsonOf(result))}\n` : `${report(result)}\n`)
  const isRight = wrong(cells).length === 0 && production.every(({ verdict }) => verdict === 'clean')
  return isRight ? ExitCode.Done : ExitCode.Violation
}

function requireKnown({ form, defect }: Flags): void {
  const names = forms.map(({ name }) => name)
  if (form !== undefined && !names.includes(form)) {
    throw new UsageError(`history: there is no form ${form}; known are ${names.join(', ')}`)
  }
  const ids = defects.map(({ id }) => id)
  if (defect !== undefined && !ids.some((id) => id === defect || id.split('/')[0] === defect)) {
    throw new UsageError(`history: there is no defect ${defect}; known are ${ids.join(', ')}`)
  }
}

/** Cells that are not as they must be: a known defect that was not found; in production, any, or schedules that are open. */
function wrong(cells: readonly Cell[]): Cell[] {
  const isWrong = ({ state, mustBeFound, form, verdict }: Cell): boolean =>
    mustBeFound ? state !== 'found' : form === 'F' && verdict.verdict !== 'clean'
  return cells.filter(isWrong)
}

function save(folder: string, cells: readonly Cell[]): void {
  mkdirSync(folder, { recursive: true })
  for (const { form, defect, verdict: { schedule } } of cells) {
    const file = join(folder, `${form}-${defect.id.replace('/', '-')}.json`)
    if (schedule !== null) writeFileSync(file, formatSchedule(schedule))
  }
}

interface Result {
  readonly cells: readonly Cell[]
  readonly production: readonly ModelVerdict[]
  readonly seconds: number
}

function jsonOf({ cells, production, seconds }: Result): object {
  const cellOf = ({ form, defect, state, mustBeFound, verdict, command }: Cell) => ({
    form, defect: defect.id, byAnalysis: defect.byAnalysis, state, mustBeFound, model: defect.model,
    values: verdict.values,
    strategy: verdict.strategy, bounds: verdict.bounds, executions: verdict.executions, seconds: verdict.seconds,
    steps: stepsOf(verdict.schedule), violation: verdict.violation, command,
  })
  const sizeOf = ({ program, values, verdict, bounds, states, ...rest }: ModelVerdict) =>
    ({ model: program, values, verdict, bounds, states, executions: rest.executions, seconds: rest.seconds })
  return { cells: cells.map(cellOf), production: production.map(sizeOf), notChecked: [notChecked], seconds }
}

const stepsOf = (schedule: Cell['verdict']['schedule']): number | null => schedule === null ? null : schedule.steps.length / 4

function report({ cells, production, seconds }: Result): string {
  const faults = wrong(cells).map(({ form, defect }) => `not as it must be: ${defect.id} in form ${form}`)
  const end = `${cells.length} cells in ${seconds.toFixed(0)} s`
  const sizes = production.length === 0 ? [] : ['production, every schedule of larger models:', sizesOf(production), '']
  return [matrix(cells), '', found(cells), '', ...sizes, ...notes(cells), ...faults, end].join('\n')
}

const marks = { found: 'found', absent: '.', open: '?' } as const

/** Forms across, defects down. */
function matrix(cells: readonly Cell[]): string {
  const columns = forms.filter(({ name }) => cells.some((cell) => cell.form === name)).map(({ name }) => name)
  const published = columns.filter((name) => !isSpecial(name))
  const table = new Table({ head: ['', ...published, 'elsewhere', 'what'], style: { head: [], border: [] }, chars: noLines })
  for (const { id, summary, byAnalysis } of defects) {
    const row = cells.filter((cell) => cell.defect.id === id)
    if (row.length === 0) continue
    const at = (form: string): string => {
      const cell = row.find((each) => each.form === form)
      return cell === undefined ? '' : marks[cell.state]
    }
    const elsewhere = row.filter(({ form }) => isSpecial(form)).map(({ form, state }) => `${form} ${marks[state]}`)
    table.push([id, ...published.map(at), elsewhere.join(' '), byAnalysis ? `${summary} *` : summary])
  }
  return table.toString()
}

const isSpecial = (form: string): boolean => /^(R\d|20\d\d)$/.test(form)
const noLines = { mid: '', 'left-mid': '', 'mid-mid': '', 'right-mid': '' }

/** What was found, a line each, with the way to see it. */
function found(cells: readonly Cell[]): string {
  const table = new Table({
    head: ['form', 'defect', 'executions', 'steps', 's', 'within', 'again'], style: { head: [], border: [] }, chars: noLines,
  })
  for (const { form, defect, state, verdict, command } of cells) {
    if (state !== 'found') continue
    const { executions, schedule, seconds, bounds } = verdict
    table.push([form, defect.id, executions, stepsOf(schedule) ?? '', seconds.toFixed(1), bounds, command])
  }
  return table.toString()
}

function sizesOf(production: readonly ModelVerdict[]): string {
  const table = new Table({ head: ['model', 'size', 'states', 's', 'verdict'], style: { head: [], border: [] }, chars: noLines })
  for (const { program, values, states = 0, seconds, verdict } of production) {
    const size = Object.entries(values).map(([name, value]) => `${name} ${value}`).join(', ')
    table.push([program, size, states, seconds.toFixed(1), verdict])
  }
  return table.toString()
}

function notes(cells: readonly Cell[]): string[] {
  const production = cells.filter(({ form }) => form === 'F')
  const least = Math.min(...production.map(({ verdict }) => verdict.preemptions ?? Infinity))
  const bound = least === Infinity ? 'all schedules' : `every schedule with up to ${least} preemptions`
  return [
    '* found by analysis and small models, not reported from the field',
    '. absent within the bounds (--json prints those of each cell); ? a limit came before any bound was exhausted',
    `${notChecked.id} not checked: ${notChecked.summary}`,
    ...production.length === 0 ? [] : [`F: in each of its ${production.length} models ${bound}`],
  ]
}
