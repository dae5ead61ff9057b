// SPDX-License-Identifier: MIT
/**
 * `stepping.json`: what the stepped build of a package says to the builds that stand on it.
 *
 * It lies beside the files that the export condition `stepped` leads to, and names per entry the exports that are
 * access operations and those that suspend. `Queue#push` is a method of instances, `ops.start` a member of the export.
 */
import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { findPackage, packageOf, parseJson, resolveTarget, splitSpecifier } from './packages.js'
import type { PackageInfo } from './packages.js'

export const MANIFEST_FILE = 'stepping.json'

export interface ManifestEntry {
  /** Operations that are one step: called as `(ld(p) ? yield : stepResult())`. */
  readonly access: readonly string[]
  /** Functions that became generators: called as `(yield* f(x))`. */
  readonly suspends: readonly string[]
}

export interface Manifest {
  readonly version: 1
  readonly exports: Readonly<Record<string, ManifestEntry>>
}

export type Lookup =
  | { readonly kind: 'plain' }
  | { readonly kind: 'entry', readonly entry: ManifestEntry, readonly file: string }
  | { readonly kind: 'fault', readonly found: string }

const baseConditions = ['node', 'import', 'module-sync']

/**
 * What is known of the module behind a bare specifier. A package without a stepped form is plain: nothing of it
 * suspends.
 *
 * @param typesFile where TypeScript found the module's types; it leads to the package when node_modules does not
 */
export function lookUpModule(specifier: string, fromFile: string, typesFile: string, extra: readonly string[]): Lookup {
  const { name, subpath } = splitSpecifier(specifier)
  const info = findPackage(name, dirname(fromFile)) ?? packageNamed(name, packageOf(dirname(typesFile)))
  if (info === undefined) return { kind: 'plain' }
  const conditions = [...baseConditions, ...extra]
  const stepped = resolveTarget(info, subpath, new Set(['stepped', ...conditions]))
  if (stepped === undefined || stepped === resolveTarget(info, subpath, new Set(conditions))) return { kind: 'plain' }
  return readEntry(info, dirname(stepped), subpath)
}

const packageNamed = (name: string, info: PackageInfo | undefined): PackageInfo | undefined =>
  info?.name === name ? info : undefined

function readEntry(info: PackageInfo, folder: string, subpath: string): Lookup {
  for (let dir = folder; dir.length > info.dir.length; dir = dirname(dir)) {
    const file = join(dir, MANIFEST_FILE)
    if (existsSync(file)) return entryOf(readFileSync(file, 'utf8'), file, subpath)
  }
  return { kind: 'fault', found: `the stepped build of ${info.name} has no ${MANIFEST_FILE} in ${folder}` }
}

function entryOf(text: string, file: string, subpath: string): Lookup {
  const manifest = checkManifest(parseJson(text))
  if (typeof manifest === 'string') return { kind: 'fault', found: `${file}: ${manifest}` }
  const entry = manifest.exports[subpath]
  if (entry === undefined) return { kind: 'fault', found: `${file} knows no entry ${subpath}` }
  return { kind: 'entry', entry, file }
}

function checkManifest(value: unknown): Manifest | string {
  const { version, exports } = (value ?? {}) as Partial<Manifest>
  if (version !== 1) return `expected a manifest of version 1, found version ${String(version)}`
  const entries = Object.values(exports ?? { none: undefined })
  const isNames = (names: unknown): boolean => Array.isArray(names) && names.every((name) => typeof name === 'string')
  const good = entries.every((entry) => isNames(entry?.access) && isNames(entry?.suspends))
  return good ? value as Manifest : 'expected "exports" with lists "access" and "suspends" for each entry'
}

/** The text of a manifest, the same for the same contents. */
export function manifestText(manifest: Manifest): string {
  const exports = Object.fromEntries(Object.entries(manifest.exports).sort(([a], [b]) => (a < b ? -1 : 1)))
  return `${JSON.stringify({ version: manifest.version, exports }, null, 1)}\n`
}
