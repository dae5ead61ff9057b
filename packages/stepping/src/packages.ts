// SPDX-License-Identifier: MIT
/**
 * Packages as Node sees them: where a specifier leads under a set of export conditions.
 *
 * TypeScript resolves types; this resolves what will be loaded, because a manifest lies beside that file.
 */
import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'

export interface PackageInfo {
  readonly dir: string
  readonly name: string
  readonly exports: unknown
  readonly imports: unknown
}

type Conditions = ReadonlySet<string>
type Json = Readonly<Record<string, unknown>>

const isObject = (value: unknown): value is Json => typeof value === 'object' && value !== null && !Array.isArray(value)

/** `@a/b/c` is package `@a/b`, subpath `./c`. */
export function splitSpecifier(specifier: string): { readonly name: string, readonly subpath: string } {
  const parts = specifier.split('/')
  const own = specifier.startsWith('@') ? 2 : 1
  const rest = parts.slice(own).join('/')
  return { name: parts.slice(0, own).join('/'), subpath: rest === '' ? '.' : `./${rest}` }
}

export const isBareSpecifier = (specifier: string): boolean => !/^([./#]|[a-z]+:)/.test(specifier)

/** The package with that name which a file of `fromDir` would load: itself by its own name, else by node_modules. */
export function findPackage(name: string, fromDir: string): PackageInfo | undefined {
  const self = packageOf(fromDir)
  if (self?.name === name && self.exports !== undefined) return self
  for (let dir = fromDir; ; dir = dirname(dir)) {
    const found = readPackage(join(dir, 'node_modules', name))
    if (found !== undefined) return found
    if (dirname(dir) === dir) return undefined
  }
}

/** The package that a folder belongs to. */
export function packageOf(folder: string): PackageInfo | undefined {
  for (let dir = folder; ; dir = dirname(dir)) {
    const found = readPackage(dir)
    if (found !== undefined && found.name !== '') return found
    if (dirname(dir) === dir) return undefined
  }
}

function readPackage(dir: string): PackageInfo | undefined {
  const file = join(dir, 'package.json')
  if (!existsSync(file)) return undefined
  const json = parseJson(readFileSync(file, 'utf8'))
  if (!isObject(json)) return undefined
  const name = typeof json['name'] === 'string' ? json['name'] : ''
  return { dir, name, exports: json['exports'], imports: json['imports'] }
}

export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown
  } catch {
    return undefined
  }
}

/** The file of `info` behind a subpath of its exports, or behind a `#name` of its imports. */
export function resolveTarget(info: PackageInfo, key: string, conditions: Conditions): string | undefined {
  const table = key.startsWith('#') ? info.imports : normalExports(info.exports)
  if (!isObject(table)) return undefined
  const match = matchKey(table, key)
  const target = match && pickTarget(table[match.key], conditions)
  return target === undefined ? undefined : join(info.dir, target.replaceAll('*', match?.star ?? ''))
}

const normalExports = (value: unknown): unknown =>
  isObject(value) && Object.keys(value).some((key) => key.startsWith('.')) ? value : { '.': value }

function matchKey(table: Json, key: string): { readonly key: string, readonly star: string } | undefined {
  if (key in table) return { key, star: '' }
  const fits = (pattern: string): boolean => {
    const [before, after] = pattern.split('*') as [string, string]
    return key.length >= pattern.length && key.startsWith(before) && key.endsWith(after)
  }
  const [best] = Object.keys(table).filter((k) => k.includes('*') && fits(k)).sort((a, b) => b.length - a.length)
  if (best === undefined) return undefined
  const [before, after] = best.split('*') as [string, string]
  return { key: best, star: key.slice(before.length, key.length - after.length) }
}

function pickTarget(value: unknown, conditions: Conditions): string | undefined {
  if (typeof value === 'string') return value
  const inner = Array.isArray(value) ? value as unknown[]
    : isObject(value) ? Object.keys(value).filter((c) => c === 'default' || conditions.has(c)).map((c) => value[c]) : []
  for (const each of inner) {
    const target = pickTarget(each, conditions)
    if (target !== undefined) return target
  }
  return undefined
}

/** The subpaths that a package exports by name; patterns left out. */
export function exportedKeys(info: PackageInfo): string[] {
  const table = normalExports(info.exports)
  return isObject(table) ? Object.keys(table).filter((key) => !key.includes('*')) : []
}

/** Every file that a `#name` of the package may lead to, under any condition. */
export function allTargets(info: PackageInfo, key: string): string[] {
  const leaves = (value: unknown): string[] => {
    if (typeof value === 'string') return [value]
    return isObject(value) || Array.isArray(value) ? Object.values(value).flatMap(leaves) : []
  }
  return isObject(info.imports) ? leaves(info.imports[key]).map((target) => join(info.dir, target)) : []
}

/** The source of a built file of the package, by the usual layout: `dist/a.js`, `dist-stepped/a.js` -> `src/a.ts`. */
export function sourceOfBuilt(info: PackageInfo, built: string): string | undefined {
  const match = /^[/\\][^/\\]+[/\\](.+?)(\.d)?\.[cm]?[jt]s$/.exec(built.slice(info.dir.length))
  const source = match?.[1] === undefined ? undefined : join(info.dir, 'src', `${match[1]}.ts`)
  return source !== undefined && existsSync(source) ? source : undefined
}
