// SPDX-License-Identifier: MIT
/**
 * Functions that stand for one another, so that one caller may meet any of them: methods along a class hierarchy,
 * methods that implement a `Susp<F>` member of an interface, and exports of the modules that a `#name` chooses from.
 */
import ts from 'typescript'
import { isBranded } from './colour.js'
import { functionOf, throughAliases, visitCode } from './functions.js'
import type { FunctionNode } from './functions.js'
import type { Sources } from './program.js'

export type Links = Map<FunctionNode, FunctionNode[]>

export function findLinks(sources: Sources, variants: readonly (readonly string[])[]): Links {
  const links: Links = new Map()
  const link = (a: FunctionNode | undefined, b: FunctionNode | undefined): void => {
    if (a === undefined || b === undefined || a === b || !sources.isOwn(a) || !sources.isOwn(b)) return
    links.set(a, [...links.get(a) ?? [], b])
    links.set(b, [...links.get(b) ?? [], a])
  }
  for (const file of sources.own) {
    visitCode(file, (node) => {
      if (ts.isClassLike(node)) linkOverrides(sources.checker, node, link)
    })
  }
  for (const group of variants) linkVariants(sources, group, link)
  return links
}

type Link = (a: FunctionNode | undefined, b: FunctionNode | undefined) => void

function linkOverrides(checker: ts.TypeChecker, node: ts.ClassLikeDeclaration, link: Link): void {
  for (const member of node.members) {
    if (!ts.isMethodDeclaration(member)) continue
    for (const inherited of inheritedMembers(checker, node, member)) link(member, functionOf(inherited))
  }
}

/** The members of the classes and interfaces named in the heritage clauses that `member` overrides or implements. */
function inheritedMembers(
  checker: ts.TypeChecker, node: ts.ClassLikeDeclaration, member: ts.MethodDeclaration,
): ts.Symbol[] {
  const name = checker.getSymbolAtLocation(member.name)?.name
  const isStatic = (ts.getCombinedModifierFlags(member) & ts.ModifierFlags.Static) !== 0
  const bases = (node.heritageClauses ?? []).flatMap((clause) => clause.types)
  const found = bases.map((base) => {
    const type = isStatic ? checker.getTypeAtLocation(base.expression) : checker.getTypeAtLocation(base)
    return name === undefined ? undefined : type.getProperty(name)
  })
  return found.filter((symbol) => symbol !== undefined)
}

/** Does a method of a class implement a member of type `Susp<F>`? */
export function implementsSusp(checker: ts.TypeChecker, method: ts.MethodDeclaration): boolean {
  const node = method.parent
  return ts.isClassLike(node)
    && inheritedMembers(checker, node, method).some((symbol) => isBranded(checker.getTypeOfSymbol(symbol)))
}

function linkVariants(sources: Sources, group: readonly string[], link: Link): void {
  const firstOf = new Map<string, FunctionNode>()
  for (const path of group) {
    const file = sources.program.getSourceFile(path)
    const module = file && sources.checker.getSymbolAtLocation(file)
    for (const symbol of module ? sources.checker.getExportsOfModule(module) : []) {
      const fn = functionOf(throughAliases(sources.checker, symbol))
      if (fn === undefined) continue
      link(firstOf.get(symbol.name), fn)
      if (!firstOf.has(symbol.name)) firstOf.set(symbol.name, fn)
    }
  }
}
