// SPDX-License-Identifier: MIT
/**
 * The whole of the build: sources in, stepped sources, maps, manifest and complaints out. Touches no file.
 */
import { basename, resolve } from 'node:path'
import ts from 'typescript'
import { describeModule } from './describe.js'
import type { Described } from './describe.js'
import { collector, diagnosticAt, inReadingOrder } from './diagnostic.js'
import type { Diagnostic, Report } from './diagnostic.js'
import { applyEdits } from './edits.js'
import type { Edit, Edited } from './edits.js'
import { editsOf } from './emit.js'
import { checkEscapes } from './escape.js'
import { findExternals, importPath } from './externals.js'
import { findLinks } from './links.js'
import type { Manifest, ManifestEntry } from './manifest.js'
import { findPackage } from './packages.js'
import { checkPlacement } from './placement.js'
import { createSources, importNames, variantsOf } from './program.js'
import type { Sources } from './program.js'
import { checkPurity } from './purity.js'
import { findSuspension } from './suspends.js'
import type { Suspension } from './suspends.js'
import { tellingEdits } from './tellingEdits.js'
import type { TellingEdits } from './tellingEdits.js'

const MACHINE = '@bottomhalf/machine'

export interface TransformOptions {
  /** Default: the nearest tsconfig.json at or above the root, for its `paths` and strictness. */
  readonly tsconfig?: string | undefined
  /** Hold sources to the rules of mechanism code (STEP-30 and up); a function says which. Default: no. */
  readonly mechanism?: boolean | ((path: string) => boolean) | undefined
  /** Machines without a manifest: by specifier, or by the path of a module of the package, which is left as it is. */
  readonly access?: Readonly<Record<string, ManifestEntry>> | undefined
  /** Export conditions beside `stepped`, where packages are looked up. */
  readonly conditions?: readonly string[] | undefined
  /**
   * The module that is told what locals hold, for searches that want to know states again. Default: `@bottomhalf/machine`
   * where the package can import it; null: nothing is told.
   */
  readonly tellsTo?: string | null | undefined
}

export interface TransformInput extends TransformOptions {
  /** The folder of the package. */
  readonly root: string
  /** Entry modules by subpath of the package (`.`, `./io`), or a list in which `index.ts` is `.`, `io.ts` is `./io`. */
  readonly entries: readonly string[] | Readonly<Record<string, string>>
  /** Further modules to transform that no entry imports. */
  readonly also?: readonly string[]
  /** Which modules below the root are transformed, by absolute path; others count as plain code. Default: all. */
  readonly include?: (path: string) => boolean
}

export interface TransformResult {
  /** The sources that change, by absolute path. Empty if there is anything to complain of. */
  readonly files: ReadonlyMap<string, Edited>
  readonly manifest: Manifest
  readonly diagnostics: readonly Diagnostic[]
  /** Every file that the result depends on, libraries apart: sources and manifests. */
  readonly inputs: readonly string[]
}

export function transformProgram(input: TransformInput): TransformResult {
  const root = resolve(input.root)
  const entries = entryTable(root, input.entries)
  const variants = importNames(root).map((name) => variantsOf(name, resolve(root, 'package.json')))
  const access = input.access ?? {}
  const machines = new Set(Object.keys(access).map((path) => resolve(root, path)))
  const sources = createSources({
    root, tsconfig: input.tsconfig,
    files: [...Object.values(entries), ...variants.flat(), ...input.also ?? []],
    include: (path) => !machines.has(path) && input.include?.(path) !== false,
  })
  const { report, diagnostics } = collector()
  diagnostics.push(...syntaxFaults(sources))
  const externals = findExternals(sources, { root, access, conditions: input.conditions ?? [] }, report)
  const suspension = findSuspension(sources, externals, findLinks(sources, variants))
  checkPlacement(sources, suspension, report)
  checkEscapes(sources, suspension, report)
  for (const file of sources.own) if (isMechanism(input, file)) checkPurity(file, sources, externals, report)
  const tellsTo = input.tellsTo === undefined ? defaultListener(root) : input.tellsTo
  const described = describeEntries(sources, entries, suspension, report)
  const exports = Object.fromEntries(Object.entries(described).map(([subpath, { entry }]) => [subpath, entry]))
  return {
    files: diagnostics.length > 0 ? new Map() : emitAll(sources, suspension, entries, described, tellsTo),
    manifest: { version: 1, exports },
    diagnostics: inReadingOrder(diagnostics),
    inputs: [...sources.own.map((file) => file.fileName), ...externals.manifests],
  }
}

const defaultListener = (root: string): string | null =>
  findPackage(MACHINE, root) === undefined ? null : MACHINE

type EntryTable = Readonly<Record<string, string>>

function entryTable(root: string, entries: TransformInput['entries']): EntryTable {
  const list = isList(entries) ? entries.map((file) => [subpathOf(file), file] as const) : Object.entries(entries)
  return Object.fromEntries(list.map(([subpath, file]) => [subpath, resolve(root, file)]))
}

const isList = (entries: TransformInput['entries']): entries is readonly string[] => Array.isArray(entries)

/** `src/index.ts` is `.`, `src/io.ts` is `./io`. */
function subpathOf(file: string): string {
  const name = basename(file).replace(/\.[cm]?[jt]s$/, '')
  return name === 'index' ? '.' : `./${name}`
}

const isMechanism = ({ mechanism = false }: TransformInput, file: ts.SourceFile): boolean =>
  typeof mechanism === 'function' ? mechanism(file.fileName) : mechanism

function syntaxFaults({ program, own }: Sources): Diagnostic[] {
  return own.flatMap((file) => program.getSyntacticDiagnostics(file).map(({ start, length, messageText }) => {
    const found = ts.flattenDiagnosticMessageText(messageText, ' ')
    return diagnosticAt(file, start, start + length, { rule: 'STEP-0', found, instead: 'mend the syntax' })
  }))
}

function describeEntries(
  sources: Sources, entries: EntryTable, suspension: Suspension, report: Report,
): Record<string, Described> {
  const described: Record<string, Described> = {}
  for (const [subpath, path] of Object.entries(entries)) {
    const file = sources.program.getSourceFile(path)
    if (file === undefined) continue
    const entry = describeModule(sources.checker, file, suspension)
    if (entry.machines.length > 1) {
      const instead = 'give each machine an entry of its own'
      report('STEP-19', file, 'this entry exports the operations of two machines', instead)
    }
    described[subpath] = entry
  }
  return described
}

const nothingTold: TellingEdits = { opening: [], closing: [] }

function emitAll(
  sources: Sources, suspension: Suspension, entries: EntryTable, described: Record<string, Described>,
  tellsTo: string | null,
): Map<string, Edited> {
  const files = new Map<string, Edited>()
  for (const file of sources.own) {
    const { opening, closing } = tellsTo === null ? nothingTold
      : tellingEdits(file, sources.checker, suspension, tellsTo)
    const edits = [...opening, ...editsOf(file, suspension), ...closing]
    for (const [subpath, path] of Object.entries(entries)) {
      const machine = described[subpath]?.machines[0]
      if (path === file.fileName && machine !== undefined) edits.push(exportOfResult(file, importPath(machine, path)))
    }
    if (edits.length > 0) files.set(file.fileName, applyEdits(file.text, edits, basename(file.fileName)))
  }
  return files
}

/** Who exports a machine's operations exports its `stepResult` too: the callers of those operations need it. */
function exportOfResult(file: ts.SourceFile, machine: string): Edit {
  return { at: file.end, remove: 0, text: `\nexport { stepResult } from '${machine}'\n`, origin: file.end }
}
