// SPDX-License-Identifier: MIT
/**
 * The plugin for vite, and so for vitest: the sources of the package and its models in stepped form.
 *
 * One program serves all modules until one of its files changes. A change of one invalidates all of them, because
 * whether a call suspends depends on what is called.
 */
import { readdirSync, statSync } from 'node:fs'
import { join, relative, resolve, sep } from 'node:path'
import { formatDiagnostic } from './diagnostic.js'
import type { Diagnostic } from './diagnostic.js'
import type { SourceMapV3 } from './edits.js'
import { transformProgram } from './transform.js'
import type { TransformOptions, TransformResult } from './transform.js'

export interface SteppedViteOptions extends TransformOptions {
  /** The folder of the package. Default: vite's root. */
  readonly root?: string
  /** The entry modules. Default: `src/index.ts`. */
  readonly entries?: readonly string[]
  /** Which files are transformed, by path relative to the root. Default: all of `src`, `.model.ts` files of `test`. */
  readonly include?: (path: string) => boolean
}

/** As much of vite's plugin type as is used, so that any version of it fits. */
export interface SteppedVitePlugin {
  readonly name: string
  readonly enforce: 'pre'
  configResolved(config: { readonly root: string }): void
  configureServer(server: DevServer): void
  watchChange(file: string): void
  transform(this: TransformContext, code: string, id: string): { code: string, map: SourceMapV3 } | undefined
}

interface DevServer {
  readonly environments: Readonly<Record<string, { readonly moduleGraph: ModuleGraph }>>
}

interface ModuleGraph {
  getModulesByFile(file: string): ReadonlySet<object> | undefined
  invalidateModule(module: object): void
}

interface TransformContext {
  addWatchFile(file: string): void
  error(error: ReturnType<typeof errorOf>): never
}

const isSource = (path: string): boolean => path.startsWith('src/') && !path.endsWith('.d.ts')
const isModel = (path: string): boolean => path.startsWith('test/') && path.endsWith('.model.ts')

/** @param options `mechanism` holds for `src` unless said otherwise; models may keep state of their own */
export function steppedVite(options: SteppedViteOptions = {}): SteppedVitePlugin {
  let root = ''
  let built: Built | undefined
  let server: DevServer | undefined
  const include = options.include ?? ((path: string) => isSource(path) || isModel(path))
  const covers = (file: string): boolean =>
    file.startsWith(root + sep) && /\.[cm]?ts$/.test(file) && include(toSlashes(relative(root, file)))
  const current = (): TransformResult => {
    if (built === undefined || !isFresh(built, sourceFiles(root).filter(covers))) built = build(root, options, covers)
    return built.result
  }
  return {
    name: 'stepping',
    enforce: 'pre',
    configResolved(config) {
      root = resolve(options.root ?? config.root)
    },
    configureServer(started) {
      server = started
    },
    watchChange(file) {
      if (built?.stamps.has(file) === true || covers(file)) invalidate(server, [...built?.stamps.keys() ?? []])
    },
    transform(_code, id) {
      const file = id.split('?', 1)[0] ?? id
      if (!covers(file)) return undefined
      const { diagnostics, files, inputs } = current()
      for (const input of inputs) if (input !== file) this.addWatchFile(input)
      const [first] = diagnostics
      if (first !== undefined) this.error(errorOf(first, diagnostics, root))
      const edited = files.get(file)
      return edited === undefined ? undefined : { code: edited.code, map: { ...edited.map, sources: [file], file } }
    },
  }
}

function invalidate(server: DevServer | undefined, files: readonly string[]): void {
  for (const { moduleGraph } of Object.values(server?.environments ?? {})) {
    const modules = files.flatMap((file) => [...moduleGraph.getModulesByFile(file) ?? []])
    for (const module of modules) moduleGraph.invalidateModule(module)
  }
}

interface Built { readonly result: TransformResult, readonly stamps: ReadonlyMap<string, string> }

function build(root: string, options: SteppedViteOptions, covers: (file: string) => boolean): Built {
  const files = sourceFiles(root).filter(covers)
  const entries = options.entries ?? ['src/index.ts']
  const mechanism = (path: string): boolean => isSource(toSlashes(relative(root, path)))
  const result = transformProgram({ mechanism, ...options, root, entries, also: files, include: covers })
  const stamps = new Map([...result.inputs, ...files].map((file) => [file, stampOf(file)]))
  return { result, stamps }
}

/** Is nothing new, gone or changed? */
const isFresh = ({ stamps }: Built, files: readonly string[]): boolean =>
  files.every((file) => stamps.has(file)) && [...stamps].every(([file, stamp]) => stampOf(file) === stamp)

function stampOf(file: string): string {
  const stat = statSync(file, { throwIfNoEntry: false })
  return stat === undefined ? 'gone' : `${stat.mtimeMs} ${stat.size}`
}

function sourceFiles(root: string): string[] {
  return ['src', 'test'].flatMap((folder) => {
    const dir = join(root, folder)
    if (statSync(dir, { throwIfNoEntry: false }) === undefined) return []
    return readdirSync(dir, { recursive: true, encoding: 'utf8' }).map((name) => join(dir, name))
  })
}

const toSlashes = (path: string): string => path.split(sep).join('/')

function errorOf(first: Diagnostic, all: readonly Diagnostic[], root: string) {
  const message = all.map((each) => formatDiagnostic(each, root)).join('\n')
  const { file, line, column, lineText } = first
  const frame = `${lineText}\n${' '.repeat(column - 1)}^`
  return { message, id: file, loc: { file, line, column: column - 1 }, frame }
}
