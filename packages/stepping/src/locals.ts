// SPDX-License-Identifier: MIT
/** The locals of a function: in what they live, who mentions them, and how a place can tell them (see telling.ts). */
import ts from 'typescript'
import { bare, isFunctionLiteral, isFunctionNode, symbolOf, visitOwn } from './functions.js'
import type { FunctionNode } from './functions.js'
import { isImmutable, isPrimitive } from './immutable.js'
import { isAssignmentOperator, isCounting } from './uses.js'

export interface Local {
  readonly name: string
  readonly symbol: ts.Symbol
  readonly declaration: ts.Node
  readonly isParameter: boolean
  /** What it lives in. */
  readonly scope: ts.Node
  readonly mentions: number[]
  isCaptured: boolean
  isReassigned: boolean
}

/** The parameters and variables of a function, with all that mentions them. */
export function localsOf(fn: FunctionNode, checker: ts.TypeChecker): Local[] {
  const locals = new Map<ts.Symbol, Local>()
  const add = (name: ts.BindingName, declaration: ts.Node, isParameter: boolean): void => {
    if (!ts.isIdentifier(name)) {
      for (const element of name.elements) if (ts.isBindingElement(element)) add(element.name, declaration, isParameter)
      return
    }
    const symbol = checker.getSymbolAtLocation(name)
    if (symbol === undefined) return
    locals.set(symbol, {
      name: name.text, symbol, declaration, isParameter, scope: isParameter ? fn : scopeOf(declaration),
      mentions: [], isCaptured: false, isReassigned: false,
    })
  }
  for (const parameter of fn.parameters) add(parameter.name, parameter, true)
  visitOwn(fn, (node) => { if (ts.isVariableDeclaration(node)) add(node.name, node, false) })
  noteMentions(fn, checker, locals)
  return [...locals.values()]
}

function scopeOf(declaration: ts.Node): ts.Node {
  let at = declaration.parent
  while (!isScope(at)) at = at.parent
  return at
}

const isScope = (node: ts.Node): boolean =>
  ts.isBlock(node) || ts.isIterationStatement(node, false) || ts.isCaseOrDefaultClause(node) || isFunctionNode(node)

function noteMentions(fn: FunctionNode, checker: ts.TypeChecker, locals: ReadonlyMap<ts.Symbol, Local>): void {
  const visit = (node: ts.Node, isInside: boolean): void => {
    if (ts.isTypeNode(node)) return
    if (ts.isIdentifier(node)) return mention(node, isInside)
    const inner = isInside || (node !== fn && (isFunctionNode(node) || ts.isClassLike(node)))
    ts.forEachChild(node, (child) => { visit(child, inner) })
  }
  const mention = (name: ts.Identifier, isInside: boolean): void => {
    const isShort = ts.isShorthandPropertyAssignment(name.parent)
    const symbol = isShort ? checker.getShorthandAssignmentValueSymbol(name.parent) : symbolOf(checker, name)
    const local = symbol && locals.get(symbol)
    if (local === undefined || isDeclared(name)) return
    local.mentions.push(name.getStart())
    local.isCaptured ||= isInside
    local.isReassigned ||= isAssigned(name)
  }
  visit(fn, false)
}

function isDeclared(name: ts.Identifier): boolean {
  const { parent } = name
  const declares = ts.isVariableDeclaration(parent) || ts.isParameter(parent) || ts.isBindingElement(parent)
  return declares && parent.name === name
}

function isAssigned(name: ts.Identifier): boolean {
  const { parent } = name
  if (ts.isBinaryExpression(parent)) return parent.left === name && isAssignmentOperator(parent.operatorToken.kind)
  return isCounting(parent)
}

/** How a place tells a local; `not at all`: nobody can. */
export function howToTell(local: Local, checker: ts.TypeChecker): 'by value' | 'needs no telling' | 'not at all' {
  const { declaration, symbol, isReassigned, isCaptured, isParameter } = local
  if (isReassigned && isCaptured) return 'not at all'
  const type = checker.getTypeOfSymbolAtLocation(symbol, declaration)
  if (isParameter && !isReassigned) return isImmutable(checker, type) ? 'needs no telling' : 'not at all'
  if (isPrimitive(type)) return 'by value'
  const { initializer } = declaration as ts.VariableDeclaration
  const isLiteral = initializer !== undefined && isFunctionLiteral(bare(initializer))
  if (isLiteral && !isReassigned) return 'needs no telling'
  return isImmutable(checker, type, { orFunction: false }) ? 'by value' : 'not at all'
}

/** Whether a local is there at a place, and may be looked at from there on. */
export function livesAt(local: Local, place: ts.Node, fn: FunctionNode): boolean {
  const { declaration, scope, mentions, isCaptured } = local
  const start = place.getStart()
  if (declaration.end > start || !contains(scope, place)) return false
  if (isCaptured) return true
  // round every loop that it outlives, its own too if that declares it
  const around = loopsAround(place, fn).filter((loop) => contains(scope, loop)).at(-1)
  const since = around?.getStart() ?? start
  return mentions.some((at) => at >= since)
}

/** The loops of a function around a node, from the inside. */
export function loopsAround(node: ts.Node, fn: FunctionNode): ts.Node[] {
  const loops: ts.Node[] = []
  for (let at = node.parent; at !== fn; at = at.parent) if (ts.isIterationStatement(at, false)) loops.push(at)
  return loops
}

const contains = (outer: ts.Node, inner: ts.Node): boolean => outer.pos <= inner.pos && inner.end <= outer.end
