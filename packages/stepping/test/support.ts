// SPDX-License-Identifier: MIT
/** Shared by the tests: packages in a temporary folder, both builds of them, and sources with marked places. */
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import { afterAll, vi } from 'vitest'
import { formatDiagnostic, steppedEsbuild, transformProgram } from '../src/index.js'
import type { Diagnostic } from '../src/index.js'
import type { TransformInput, TransformOptions, TransformResult } from '../src/index.js'

export type Files = Readonly<Record<string, string>>

const machine = fileURLToPath(new URL('./fixtures/machine', import.meta.url))
const folders: string[] = []

vi.setConfig({ testTimeout: 120_000 })   // a type checker starts cold in every file, beside other work

afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true })
})

/** A package in a folder of its own, with the fixture machine installed. */
export function packageWith(files: Files): string {
  const root = mkdtempSync(join(tmpdir(), 'stepping-'))
  folders.push(root)
  writeFiles(root, { 'package.json': '{ "name": "subject", "type": "module" }', 'tsconfig.json': '{}', ...files })
  mkdirSync(join(root, 'node_modules/@fixture'), { recursive: true })
  symlinkSync(machine, join(root, 'node_modules/@fixture/machine'))
  return root
}

export function writeFiles(root: string, files: Files): void {
  for (const [path, text] of Object.entries(files)) {
    const file = join(root, path)
    mkdirSync(dirname(file), { recursive: true })
    writeFileSync(file, text)
  }
}

/** Transform the package `files`, entry `src/index.ts`. */
export function transform(files: Files, options: Partial<TransformInput> = {}): TransformResult & { root: string } {
  const root = packageWith(files)
  return { ...transformProgram({ root, entries: ['src/index.ts'], ...options }), root }
}

export const PRELUDE = `import { ld, st, add, cas, call, declare, type Susp } from '@fixture/machine'; `

/** The stepped form of one source that may use the fixture machine; the import lines left out. */
export function stepped(source: string): string {
  const { files, diagnostics, root } = transform({ 'src/index.ts': PRELUDE + source })
  if (diagnostics.length > 0) throw new Error(diagnostics.map((each) => formatDiagnostic(each, root)).join('\n'))
  const code = files.get(join(root, 'src/index.ts'))?.code ?? PRELUDE + source
  return code.replace(`import { stepResult as __stepResult } from '@fixture/machine'; `, '').replace(PRELUDE, '')
}

export interface Marked { readonly source: string, readonly places: readonly string[] }

/** Take marks such as `«STEP-3»` out of a source; each is the place of one complaint. */
export function marked(text: string): Marked {
  const places: string[] = []
  let source = ''
  for (const part of text.split(/(«[\w-]+»)/)) {
    const column = source.length - source.lastIndexOf('\n')
    if (part.startsWith('«')) places.push(`${source.split('\n').length}:${column} ${part.slice(1, -1)}`)
    else source += part
  }
  return { source, places }
}

export const placesOf = (diagnostics: readonly Diagnostic[]): string[] =>
  diagnostics.map(({ line, column, rule }) => `${line}:${column} ${rule}`)

/** What a run shows: the value, or what was thrown, the accesses in order, and the memory left behind. */
export interface Outcome {
  readonly value: unknown
  readonly thrown: string | undefined
  readonly log: readonly string[]
  readonly words: readonly number[]
}

export interface Runner { readonly run: (name: string, ...args: unknown[]) => Outcome }

interface Bundle {
  readonly subject: Record<string, unknown>
  readonly drive: (fn: unknown, ...args: unknown[]) => unknown
  readonly log: string[]
  readonly words: Int32Array
}

/** One build of the package of `root`, loaded; `spoil` may change its text before. */
export async function load(
  root: string, side: 'native' | 'stepped', options: TransformOptions = {}, spoil = (code: string): string => code,
): Promise<Runner> {
  const isStepped = side === 'stepped'
  const { outputFiles } = await build({
    absWorkingDir: root, outdir: join(root, 'out'), write: false, entryPoints: ['src/index.ts'],
    bundle: true, format: 'esm', target: 'node20', sourcemap: 'inline', logLevel: 'silent',
    conditions: isStepped ? ['stepped'] : [],
    plugins: isStepped ? [steppedEsbuild({ mechanism: false, tellsTo: '@fixture/machine', ...options })] : [],
  })
  const text = spoil(outputFiles[0]?.text ?? '')
  return runnerOf(await import(`data:text/javascript;base64,${Buffer.from(text).toString('base64')}`) as Bundle)
}

function runnerOf({ subject, drive, log, words }: Bundle): Runner {
  return {
    run: (name, ...args) => {
      log.length = 0
      words.fill(0)
      const outcome = attempt(() => drive(subject[name], ...args))
      return { ...outcome, log: [...log], words: [...words] }
    },
  }
}

function attempt(action: () => unknown): { readonly value: unknown, readonly thrown: string | undefined } {
  try {
    return { value: action(), thrown: undefined }
  } catch (error) {
    return { value: undefined, thrown: String(error) }
  }
}
