// SPDX-License-Identifier: MIT
/**
 * What the imported packages export: which of it is an access operation, which of it suspends.
 *
 * Manifests speak of names, the type checker of symbols: here the one is turned into the other, once per program, so
 * that namespaces, renames and re-exports need no care later.
 */
import { dirname, relative, resolve, sep } from 'node:path'
import ts from 'typescript'
import type { Report } from './diagnostic.js'
import { throughAliases } from './functions.js'
import { isBareSpecifier } from './packages.js'
import { lookUpModule } from './manifest.js'
import type { ManifestEntry } from './manifest.js'
import type { Sources } from './program.js'

/** Where an access operation comes from, and so where `stepResult` does. */
export type MachineModule = { readonly specifier: string } | { readonly file: string }

export interface External {
  readonly kind: 'access' | 'suspends'
  readonly name: string
  readonly machine: MachineModule
}

export interface Externals {
  readonly bySymbol: ReadonlyMap<ts.Symbol, External>
  /** What the machines export, access or not: their declarations (`struct`, `perCpu`) may make module constants. */
  readonly ofMachines: ReadonlySet<ts.Symbol>
  /** The manifests that were read; a change of one changes the result. */
  readonly manifests: ReadonlySet<string>
}

export interface ExternalOptions {
  readonly root: string
  /** Entries given in place of a manifest: by specifier, or by the path of a module of this package. */
  readonly access: Readonly<Record<string, ManifestEntry>>
  readonly conditions: readonly string[]
}

interface ImportSite { readonly specifier: ts.StringLiteral, readonly module: ts.Symbol }

export function findExternals(sources: Sources, options: ExternalOptions, report: Report): Externals {
  const { checker } = sources
  const bySymbol = new Map<ts.Symbol, External>()
  const ofMachines = new Set<ts.Symbol>()
  const manifests = new Set<string>()
  const seen = new Set<string>()
  for (const { specifier, module } of importSites(sources, report)) {
    const typesFile = module.declarations?.[0]?.getSourceFile().fileName ?? ''
    const key = `${specifier.text} ${typesFile}`
    if (seen.has(key)) continue
    seen.add(key)
    const found = entryFor(specifier, typesFile, options, report)
    if (found === undefined) continue
    if (found.file !== undefined) manifests.add(found.file)
    addEntry(checker, module, found, bySymbol)
    if (found.entry.access.length > 0) {
      for (const symbol of checker.getExportsOfModule(module)) ofMachines.add(throughAliases(checker, symbol))
    }
  }
  return { bySymbol, ofMachines, manifests }
}

interface Found { readonly entry: ManifestEntry, readonly machine: MachineModule, readonly file?: string }

function entryFor(
  specifier: ts.StringLiteral, typesFile: string, options: ExternalOptions, report: Report,
): Found | undefined {
  const { text } = specifier
  const given = options.access[text]
  if (given !== undefined && isBareSpecifier(text)) return { entry: given, machine: { specifier: text } }
  for (const [path, entry] of Object.entries(options.access)) {
    const file = resolve(options.root, path)
    if (file === resolve(typesFile)) return { entry, machine: { file } }
  }
  if (!isBareSpecifier(text)) return undefined
  const looked = lookUpModule(text, specifier.getSourceFile().fileName, typesFile, options.conditions)
  if (looked.kind === 'fault') report('STEP-19', specifier, looked.found)
  return looked.kind === 'entry' ? { entry: looked.entry, file: looked.file, machine: { specifier: text } } : undefined
}

function addEntry(
  checker: ts.TypeChecker, module: ts.Symbol, { entry, machine }: Found, into: Map<ts.Symbol, External>,
): void {
  for (const kind of ['access', 'suspends'] as const) {
    for (const name of entry[kind]) {
      const symbol = memberSymbol(checker, module, name)
      if (symbol !== undefined && !into.has(symbol)) into.set(symbol, { kind, name, machine })
    }
  }
}

/** `f`, `Queue#push`, `ops.start`: the symbol of that path. */
function memberSymbol(checker: ts.TypeChecker, module: ts.Symbol, path: string): ts.Symbol | undefined {
  const [first = '', ...rest] = path.split(/(?=[#.])/)
  let at = exportOf(checker, module, first)
  for (const part of rest) {
    const memberOf = part.startsWith('#') ? instanceMember : staticMember
    at = at && memberOf(checker, at, part.slice(1))
  }
  return at
}

function exportOf(checker: ts.TypeChecker, module: ts.Symbol, name: string): ts.Symbol | undefined {
  const symbol = checker.getExportsOfModule(module).find((each) => each.name === name)
  return symbol && throughAliases(checker, symbol)
}

const instanceMember = (checker: ts.TypeChecker, owner: ts.Symbol, name: string): ts.Symbol | undefined =>
  checker.getDeclaredTypeOfSymbol(owner).getProperty(name)

function staticMember(checker: ts.TypeChecker, owner: ts.Symbol, name: string): ts.Symbol | undefined {
  if (owner.flags & ts.SymbolFlags.ValueModule) return exportOf(checker, owner, name)
  return checker.getTypeOfSymbol(owner).getProperty(name)
}

/** Each import and re-export of a module outside the package's own sources; what cannot be resolved is reported. */
function importSites(sources: Sources, report: Report): ImportSite[] {
  const sites: ImportSite[] = []
  for (const file of sources.own) {
    for (const statement of file.statements) {
      const specifier = specifierOf(statement)
      if (specifier === undefined || isNodeModule(specifier.text)) continue
      const module = sources.checker.getSymbolAtLocation(specifier)
      const home = module?.declarations?.[0]
      if (module === undefined || home === undefined) reportUnresolved(statement, specifier, report)
      else if (!sources.isOwn(home)) sites.push({ specifier, module })
      if (module !== undefined) checkNames(sources.checker, statement, specifier, report)
    }
  }
  return sites
}

function specifierOf(statement: ts.Statement): ts.StringLiteral | undefined {
  const mayHaveOne = ts.isImportDeclaration(statement) || ts.isExportDeclaration(statement)
  const from = mayHaveOne ? statement.moduleSpecifier : undefined
  return from !== undefined && ts.isStringLiteral(from) ? from : undefined
}

const isNodeModule = (specifier: string): boolean => specifier.startsWith('node:')

function reportUnresolved(statement: ts.Statement, specifier: ts.StringLiteral, report: Report): void {
  const forEffect = ts.isImportDeclaration(statement) && statement.importClause === undefined
  const asset = /\.(?![cm]?[jt]s$)\w+$/.test(specifier.text)
  if (forEffect || asset) return
  report('STEP-19', specifier, `the module '${specifier.text}' is not found, so nobody can tell what of it suspends`)
}

function checkNames(
  checker: ts.TypeChecker, statement: ts.Statement, specifier: ts.StringLiteral, report: Report,
): void {
  for (const name of importedNames(statement)) {
    const symbol = checker.getSymbolAtLocation(name)
    const unknown = symbol === undefined || checker.isUnknownSymbol(throughAliases(checker, symbol))
    if (unknown) report('STEP-19', name, `'${specifier.text}' has no export '${name.text}'`)
  }
}

function importedNames(statement: ts.Statement): ts.Identifier[] {
  const bindings = ts.isImportDeclaration(statement) ? statement.importClause?.namedBindings
    : ts.isExportDeclaration(statement) ? statement.exportClause : undefined
  if (bindings === undefined || ts.isNamespaceImport(bindings) || ts.isNamespaceExport(bindings)) return []
  return bindings.elements.map((element) => element.propertyName ?? element.name).filter(ts.isIdentifier)
}

/** How `fromFile` imports a machine. */
export function importPath(machine: MachineModule, fromFile: string): string {
  if ('specifier' in machine) return machine.specifier
  const path = relative(dirname(fromFile), machine.file).split(sep).join('/').replace(/\.([cm]?)ts$/, '.$1js')
  return path.startsWith('.') ? path : `./${path}`
}
