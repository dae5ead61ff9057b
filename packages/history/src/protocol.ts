// SPDX-License-Identifier: MIT
/**
 * A protocol of the user's own: one file that takes the place of `#protocol`.
 *
 * UP1  It is built by the rules of mechanism code, so a mistake is told with its place before anything runs.
 * UP2  It is checked over the whole table: the models do not know what is asked of them.
 */
import { readFileSync } from 'node:fs'
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { basename, dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { checkIn, type ModelVerdict } from './check.js'
import { defects, type Defect } from './defects.js'
import { linkForm } from './link.js'
import { FormThread } from './thread.js'

const here = fileURLToPath(new URL('..', import.meta.url))
const workspace = join(here, '..', '..')

/** The text of a protocol to begin with: production's, with imports that a file anywhere can have. */
export function newProtocol(name: string): string {
  const text = readFileSync(join(here, '..', 'passthrough-io', 'src', 'protocolSoftirq.ts'), 'utf8')
  return text.replace(/from '\.\/(assist|protocol|records)\.js'/g, "from '@bottomhalf/passthrough-io/variant'")
    .replace(/PROTOCOL_NAME = '\w+'/, `PROTOCOL_NAME = '${name}'`)
}

export interface ProtocolCell { readonly defect: Defect, readonly verdict: ModelVerdict }

export interface ProtocolOptions {
  /** Default: 1. */
  readonly preemptions?: number
  /** Of each model, at most. Default: 300. */
  readonly maxExecutions?: number
  readonly cell?: (cell: ProtocolCell) => void
}

/**
 * Check a protocol over the models of the table. Whatever is violated counts, not only what the model is known for. Rejects
 * with esbuild's `BuildFailure` for a file that breaks a rule.
 */
export async function checkProtocol(file: string, options: ProtocolOptions = {}): Promise<ProtocolCell[]> {
  const linked = join(here, 'dist-stepped', 'own')
  await mkdir(linked, { recursive: true })
  const folder = await mkdtemp(join(linked, 'protocol-'))
  try {
    return await checkLinked(await link(resolve(file), folder), options)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

async function link(file: string, folder: string): Promise<string> {
  const outfile = join(folder, `${basename(file).replace(/\.[^.]*$/, '')}.js`)
  // loaded when asked for: a compiler is a second of everybody's start
  const [{ build }, { steppedEsbuild }] = await Promise.all([import('esbuild'), import('@bottomhalf/stepping')])
  await build({
    entryPoints: [file], outfile, bundle: false, format: 'esm', platform: 'node', target: 'node20', logLevel: 'silent',
    absWorkingDir: dirname(file), tsconfigRaw: {},
    plugins: [steppedEsbuild({ mechanism: true, tsconfig: join(workspace, 'tsconfig.base.json') })],          // UP1
  })
  const linked = join(folder, 'linked.js')
  await linkForm({ '#protocol': outfile }, linked)
  return linked
}

async function checkLinked(file: string, options: ProtocolOptions): Promise<ProtocolCell[]> {
  const { preemptions = 1, maxExecutions = 300 } = options
  const thread = new FormThread(file)
  const cells: ProtocolCell[] = []
  for (const defect of onePerModel()) {
    const verdict = await checkIn(thread, defect.model, {
      set: defect.values, preemptions, maxExecutions, minimiseSeconds: 0,
    })
    const cell = { defect, verdict }
    options.cell?.(cell)
    cells.push(cell)
  }
  await thread.end()
  return cells
}

// Defects that show in one model with one set of values are one run of it (UP2).
function onePerModel(): Defect[] {
  const keyOf = ({ model, values }: Defect): string => `${model} ${JSON.stringify(values)}`
  return defects.filter((defect, i) => defects.findIndex((other) => keyOf(other) === keyOf(defect)) === i)
}
