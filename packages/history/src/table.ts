// SPDX-License-Identifier: MIT
/**
 * The table: which defect is found in which form.
 *
 * TB1  A cell is found, absent within its bounds, or open (a limit came first); never anything else.
 */
import { checkIn, fileOf, type ModelVerdict } from './check.js'
import { defects, type Defect } from './defects.js'
import { forms, type Form } from './forms.js'
import { overThreads } from './pool.js'
import type { FormThread } from './thread.js'

export interface Cell {
  readonly form: string
  readonly defect: Defect
  readonly state: 'found' | 'absent' | 'open'
  /** Whether the specification says that it must be found. */
  readonly mustBeFound: boolean
  readonly verdict: ModelVerdict
  /** How to see it again. */
  readonly command: string
}

export interface TableOptions {
  /** Only this form, or only this defect. */
  readonly form?: string
  readonly defect?: string
  /** Threads. Default: all cores. */
  readonly workers?: number
  /** For all states of a cell, at most. Default: 60. */
  readonly maxSeconds?: number
  /** Of the schedule that is shown, and where there are too many states: preemptions at most. Default: 2. */
  readonly preemptions?: number
  /** And executions at most. Default: 1000. */
  readonly maxExecutions?: number
  readonly minimiseSeconds?: number
  /** Called with each cell, as it is known. */
  readonly cell?: (cell: Cell) => void
}

/** Fill the table; in order of forms and defects. */
export async function historyTable(options: TableOptions = {}): Promise<Cell[]> {
  const jobs = forms.filter(({ name }) => name === (options.form ?? name))
    .flatMap((form) => cellsOf(form, options).map((defect) => ({ file: fileOf(form.name), form: form.name, defect })))
  return overThreads(jobs, async (thread, { form, defect }) => {
    const cell = await fillCell(thread, form, defect, options)
    options.cell?.(cell)
    return cell
  }, options.workers)
}

/** The defects that are looked for in a form: a rejected idea is asked only for its own. */
function cellsOf({ name }: Form, { defect }: Pick<TableOptions, 'defect'>): Defect[] {
  const isRejected = /^R\d$|^20/.test(name)
  return defects.filter(({ id, foundIn }) => {
    if (defect !== undefined && id !== defect && id.split('/')[0] !== defect) return false
    const isOwn = foundIn.includes(name)
    return isOwn || !isRejected && (name === 'F' || !/^R\d$/.test(id))
  })
}

async function fillCell(thread: FormThread, form: string, defect: Defect, options: TableOptions): Promise<Cell> {
  const verdict = await verdictOf(thread, form, defect, options)
  const mustBeFound = defect.foundIn.includes(form)
  return { form, defect, verdict, state: stateOf(verdict), mustBeFound, command: commandOf(form, defect) }
}

/** All states tell whether it is there; the schedule with the fewest preemptions shows it best. */
async function verdictOf(
  thread: FormThread, form: string, defect: Defect, options: TableOptions,
): Promise<ModelVerdict> {
  const { preemptions = 2, maxExecutions = 1000, maxSeconds = 60, minimiseSeconds = 0 } = options
  // in production nothing whatever may be wrong
  const asked = { form, set: defect.values, ...form === 'F' ? {} : { message: defect.message } }
  const whole = await checkIn(thread, defect.model, { ...asked, strategy: 'stateful', maxSeconds, minimiseSeconds: 0 })
  if (whole.verdict === 'clean') return whole
  const bounded = await checkIn(thread, defect.model, { ...asked, preemptions, maxExecutions, minimiseSeconds })
  return whole.verdict === 'violation' && bounded.verdict !== 'violation' ? whole : bounded
}

// A bound that was exhausted is one, also if a limit came before the next.
function stateOf({ verdict, preemptions }: ModelVerdict): Cell['state'] {
  if (verdict === 'violation') return 'found'
  return verdict === 'clean' || (preemptions ?? 0) >= 0 ? 'absent' : 'open'
}

function commandOf(form: string, { model, values }: Defect): string {
  const set = Object.entries(values).map(([name, value]) => ` --set ${name}=${value}`).join('')
  return `bottomhalf check ${model} --form ${form}${set}`
}
