// SPDX-License-Identifier: MIT
/**
 * The TypeScript program behind a transform: types for deciding what suspends, never for checking.
 *
 * Modules resolve as bundlers resolve them, through the `paths` of the tsconfig first. Where a dependency in the same
 * tree has no declarations yet, its source stands in for them, so no build of types has to come first.
 */
import { existsSync, readFileSync } from 'node:fs'
import { dirname, join, resolve, sep } from 'node:path'
import ts from 'typescript'
import {
  allTargets, findPackage, isBareSpecifier, packageOf, resolveTarget, sourceOfBuilt, splitSpecifier,
} from './packages.js'

export interface ProgramInput {
  /** The folder of the package. */
  readonly root: string
  readonly files: readonly string[]
  readonly tsconfig?: string | undefined
  /** Which files below the root are transformed; the others are read for types only. */
  readonly include: (path: string) => boolean
}

export interface Sources {
  readonly program: ts.Program
  readonly checker: ts.TypeChecker
  /** The package's own sources. */
  readonly own: readonly ts.SourceFile[]
  readonly isOwn: (node: ts.Node) => boolean
}

const forced: ts.CompilerOptions = {
  module: ts.ModuleKind.ESNext,
  moduleResolution: ts.ModuleResolutionKind.Bundler,
  types: [],
  noEmit: true,
  composite: false,
  incremental: false,
  allowJs: false,
  skipLibCheck: true,
  allowImportingTsExtensions: true,
}

/** Parsed files by path and options: declarations of libraries and unchanged sources are parsed once. */
const parsed = new Map<string, ts.SourceFile>()

export function createSources(input: ProgramInput): Sources {
  const options = compilerOptions(input)
  const rootNames = input.files.map((file) => resolve(input.root, file))
  const program = ts.createProgram({ rootNames, options, host: hostFor(options, input.root) })
  const checker = program.getTypeChecker()
  const own = program.getSourceFiles().filter((file) => isOwnFile(file, input))
  const ownSet = new Set<ts.Node>(own)
  return { program, checker, own, isOwn: (node) => ownSet.has(node.getSourceFile()) }
}

function isOwnFile(file: ts.SourceFile, { root, include }: ProgramInput): boolean {
  const path = resolve(file.fileName)
  const inside = path.startsWith(root + sep) && !path.slice(root.length).includes(`${sep}node_modules${sep}`)
  return inside && !file.isDeclarationFile && include(path) && !isOfInnerPackage(path, root)
}

/** Whether a package below the root has the file: a workspace's packages are not the workspace's own sources. */
function isOfInnerPackage(path: string, root: string): boolean {
  return (packageOf(dirname(path))?.dir ?? root).startsWith(root + sep)
}

/** `lib.es2022.d.ts` and its like: what TypeScript says of the language. */
export const isLibraryFile = (file: string): boolean => /[\\/]typescript[\\/]lib[\\/]lib\.[\w.]*d\.ts$/.test(file)

function compilerOptions({ root, tsconfig }: ProgramInput): ts.CompilerOptions {
  const nearest = (): string | undefined => ts.findConfigFile(root, (path) => ts.sys.fileExists(path))
  const file = tsconfig === undefined ? nearest() : resolve(root, tsconfig)
  const base: ts.CompilerOptions = { target: ts.ScriptTarget.ES2022, lib: ['lib.es2022.d.ts'], strict: true }
  if (file === undefined) return { ...base, ...forced }
  const host: ts.ParseConfigHost = { ...ts.sys, useCaseSensitiveFileNames: true, readDirectory: () => [] }
  const { config } = ts.readConfigFile(file, (path) => ts.sys.readFile(path)) as { config?: unknown }
  const { options } = ts.parseJsonConfigFileContent(config ?? {}, host, dirname(file), undefined, file)
  return { ...base, ...options, ...forced }
}

function hostFor(options: ts.CompilerOptions, root: string): ts.CompilerHost {
  const host = ts.createCompilerHost(options)
  const cache = ts.createModuleResolutionCache(root, (name) => name, options)
  const flavour = `${options.target ?? 0} ${options.strict ?? false}`
  return {
    ...host,
    getCurrentDirectory: () => root,
    getSourceFile: (file, how) => readSource(file, how, flavour),
    resolveModuleNameLiterals: (literals, from) =>
      literals.map(({ text }) => ({ resolvedModule: resolveModule(text, from, options, host, cache) })),
  }
}

type HowToParse = ts.CreateSourceFileOptions | ts.ScriptTarget

function readSource(file: string, how: HowToParse, flavour: string): ts.SourceFile | undefined {
  const key = `${flavour} ${file}`
  const known = parsed.get(key)
  if (known !== undefined && isLibraryFile(file)) return known
  const text = ts.sys.readFile(file)
  if (text === undefined || text === known?.text) return text === undefined ? undefined : known
  const source = ts.createSourceFile(file, text, how, true)
  parsed.set(key, source)
  return source
}

function resolveModule(
  text: string, from: string, options: ts.CompilerOptions, host: ts.CompilerHost, cache: ts.ModuleResolutionCache,
): ts.ResolvedModuleFull | undefined {
  const found = ts.resolveModuleName(text, from, options, host, cache).resolvedModule
  if (found !== undefined && !/\.[cm]?jsx?$/.test(found.extension)) return found
  const source = sourceBehind(text, from)
  if (source === undefined) return undefined
  return { resolvedFileName: source, extension: ts.Extension.Ts, isExternalLibraryImport: false }
}

/** The source of a package's entry, for a package whose declarations are not built. */
function sourceBehind(specifier: string, from: string): string | undefined {
  const isInternal = specifier.startsWith('#')
  if (!isInternal && !isBareSpecifier(specifier)) return undefined
  const { name, subpath } = splitSpecifier(specifier)
  const info = isInternal ? packageOf(dirname(from)) : findPackage(name, dirname(from))
  const built = info && resolveTarget(info, isInternal ? specifier : subpath, new Set(['import', 'node']))
  return built && sourceOfBuilt(info, built)
}

/** The sources that may stand behind a `#name`: a condition picks one of them when the package is loaded. */
export function variantsOf(specifier: string, from: string): string[] {
  const info = packageOf(dirname(from))
  if (info === undefined) return []
  const sources = allTargets(info, specifier).map((target) => sourceOfBuilt(info, target) ?? target)
  return [...new Set(sources)].filter((file) => file.endsWith('.ts') && !file.endsWith('.d.ts') && existsSync(file))
}

/** The `#names` of a package's manifest. */
export function importNames(root: string): string[] {
  const file = join(root, 'package.json')
  const json = existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) as { imports?: Record<string, unknown> } : {}
  return Object.keys(json.imports ?? {})
}
