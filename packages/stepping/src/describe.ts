// SPDX-License-Identifier: MIT
/** The manifest entry of a module: which of its exports step, which suspend, by the names that importers use. */
import ts from 'typescript'
import { throughAliases } from './functions.js'
import type { MachineModule } from './externals.js'
import type { ManifestEntry } from './manifest.js'
import type { Suspension } from './suspends.js'

/** `ns.ops.start`: deeper members of exports are reached through types alone. */
const MAX_PARTS = 3

export interface Described {
  readonly entry: ManifestEntry
  /** The machines whose operations the module exports. */
  readonly machines: readonly MachineModule[]
}

export function describeModule(checker: ts.TypeChecker, file: ts.SourceFile, suspension: Suspension): Described {
  const access = new Set<string>()
  const suspends = new Set<string>()
  const machines = new Set<MachineModule>()
  const add = (symbol: ts.Symbol, name: string): void => {
    const external = suspension.externals.bySymbol.get(symbol)
    if (external?.kind === 'access') {
      access.add(name)
      machines.add(external.machine)
    } else if (suspension.suspendsSymbol(symbol)) suspends.add(name)
    else for (const [member, part] of membersOf(checker, symbol)) addMember(member, name + part)
  }
  const addMember = (symbol: ts.Symbol, name: string): void => {
    if (name.split(/[#.]/).length <= MAX_PARTS) add(throughAliases(checker, symbol), name)
  }
  const module = checker.getSymbolAtLocation(file)
  const exported = module ? checker.getExportsOfModule(module) : []
  for (const symbol of exported) add(throughAliases(checker, symbol), symbol.name)
  return { entry: { access: [...access].sort(), suspends: [...suspends].sort() }, machines: [...machines] }
}

/** What can be called through an export that is not a function itself. */
function membersOf(checker: ts.TypeChecker, symbol: ts.Symbol): [ts.Symbol, string][] {
  if (symbol.flags & ts.SymbolFlags.ValueModule) {
    return checker.getExportsOfModule(symbol).map((each) => [each, `.${each.name}`])
  }
  if (symbol.flags & ts.SymbolFlags.Class) {
    const instance = checker.getDeclaredTypeOfSymbol(symbol).getProperties()
    return [...instance.map((each): [ts.Symbol, string] => [each, `#${each.name}`]), ...staticMembers(checker, symbol)]
  }
  return symbol.flags & ts.SymbolFlags.Variable ? staticMembers(checker, symbol) : []
}

function staticMembers(checker: ts.TypeChecker, symbol: ts.Symbol): [ts.Symbol, string][] {
  const own = checker.getTypeOfSymbol(symbol).getProperties()
  return own.filter((each) => each.name !== 'prototype').map((each) => [each, `.${each.name}`])
}
