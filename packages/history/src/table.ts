// SPDX-License-Identifier: MIT
/**
 * The table: which defect is found in which form.
 *
 * TB1  A cell is found, absent within its bounds, or open (a limit came first); never anything else.
 */
import { checkIn, fileOf, type ModelVerdict } from './check.js'
import { defects, type Defect } from './defects.js'
import { forms, type Form } from './forms.js'
import { FormThread } from './thread.js'

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
  /** Threads. Default: 2. */
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
  const rows = forms.filter(({ name }) => name === (options.form ?? name))
    .map((form) => ({ form, cells: cellsOf(form, options) }))
  const waiting = rows.filter(({ cells }) => cells.length > 0)
  const known: Cell[] = []
  const work = async (): Promise<void> => {
    for (let row = waiting.shift(); row !== undefined; row = waiting.shift()) {
      known.push(...await fillRow(row.form, row.cells, options))
    }
  }
  await Promise.all(Array.from({ length: options.workers ?? 2 }, work))
  return rows.flatMap(({ form }) => known.filter((cell) => cell.form === form.name))
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

async function fillRow({ name }: Form, row: readonly Defect[], options: TableOptions): Promise<Cell[]> {
  const thread = new FormThread(fileOf(name))
  const cells: Cell[] = []
  for (const defect of row) {
    const cell = await fillCell(thread, name, defect, options)
    options.cell?.(cell)
    cells.push(cell)
  }
  await thread.end()
  return cells
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
