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
  /** Preemptions at most. Default: 2. */
  readonly preemptions?: number
  /** Executions of a cell at most. Default: 1000. */
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
  const { preemptions = 2, maxExecutions = 1000, minimiseSeconds = 0 } = options
  const verdict = await checkIn(thread, defect.model, {
    form, set: defect.values, preemptions, maxExecutions, minimiseSeconds,
    // in production nothing whatever may be wrong
    ...form === 'F' ? {} : { message: defect.message },
  })
  const mustBeFound = defect.foundIn.includes(form)
  return { form, defect, verdict, state: stateOf(verdict), mustBeFound, command: commandOf(form, defect) }
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
