// SPDX-License-Identifier: MIT
/**
 * Where a function tells what its locals hold, so that a search can know a state of it again.
 *
 * A suspended function is a place and the locals that are looked at from there on. It tells both before each statement
 * that may suspend; between two such places the values of its accesses stand for whatever it computes (`stepAt`).
 *
 * LO1  What lives on behind a place is told there: locals that are mentioned behind it, or in a loop around it, or by a
 *      function inside. Not told: what never changes and follows from the call, parameters and functions.
 * LO2  A function whose state cannot be told so is opaque: nothing that happens below it is forgotten until it returns.
 *      That is one with a local that can change inside (an object, an array), with one that a function inside changes or
 *      that changes after a function inside has taken it, with `try`, `this`, or an iteration that suspends.
 * LO3  A place at which nothing can have happened since the function began, and a function with no other, is silent.
 */
import ts from 'typescript'
import { isFunctionNode, visitOwn } from './functions.js'
import type { FunctionNode } from './functions.js'
import { howToTell, livesAt, localsOf, loopsAround } from './locals.js'
import type { Local } from './locals.js'
import type { Suspension } from './suspends.js'
import { isAssignmentOperator, isCounting } from './uses.js'

/** A statement to tell before, or the condition or incrementor of a loop. */
export interface TellingPlace {
  readonly node: ts.Statement | ts.Expression
  readonly locals: readonly string[]
}

export interface Telling {
  readonly isOpaque: boolean
  readonly places: readonly TellingPlace[]
}

const OPAQUE: Telling = { isOpaque: true, places: [] }

export function tellingOf(fn: FunctionNode, checker: ts.TypeChecker, suspension: Suspension): Telling {
  const told: Local[] = []
  for (const local of localsOf(fn, checker)) {
    const how = howToTell(local, checker)
    if (how === 'not at all') return OPAQUE                                                                  // LO2
    if (how === 'by value') told.push(local)
  }
  if (hidesState(fn, suspension)) return OPAQUE                                                              // LO2
  const [first, ...others] = placesIn(fn, suspension)
  if (first === undefined) return { isOpaque: false, places: [] }
  const nodes = loopsAround(first, fn).length === 0 ? others : [first, ...others]                            // LO3
  const localsAt = (node: ts.Node): string[] =>
    told.filter((local) => livesAt(local, node, fn)).map(({ name }) => name)                                 // LO1
  return { isOpaque: false, places: nodes.map((node) => ({ node, locals: localsAt(node) })) }
}

/** Whether a function has state that is no local, or changes what is none of its locals. */
function hidesState(fn: FunctionNode, { targetOf }: Suspension): boolean {
  let hides = false
  visitOwn(fn, (node) => { hides ||= isHidden(node, targetOf) })
  return hides
}

function isHidden(node: ts.Node, targetOf: Suspension['targetOf']): boolean {
  if (ts.isTryStatement(node) || ts.isYieldExpression(node) || node.kind === ts.SyntaxKind.ThisKeyword) return true
  if (ts.isForOfStatement(node) || ts.isForInStatement(node)) return suspendsIn(node, targetOf)
  if (ts.isBinaryExpression(node)) return isAssignmentOperator(node.operatorToken.kind) && !ts.isIdentifier(node.left)
  if (isCounting(node)) return !ts.isIdentifier(node.operand)
  if (!ts.isVariableDeclarationList(node)) return false
  const isVar = (node.flags & ts.NodeFlags.BlockScoped) === 0
  return isVar || ts.isCaseOrDefaultClause(node.parent.parent)
}

type Place = TellingPlace['node']

function placesIn(fn: FunctionNode, { targetOf }: Suspension): Place[] {
  const places: Place[] = []
  visitOwn(fn, (node) => {
    for (const { place, head } of placesOf(node)) if (suspendsIn(head, targetOf)) places.push(place)
  })
  return places
}

/** Where a statement tells, if `head` suspends: what it runs at that place itself. */
function placesOf(node: ts.Node): { readonly place: Place, readonly head: ts.Node }[] {
  const parts = (...nodes: (ts.Expression | undefined)[]) =>
    nodes.filter((part) => part !== undefined).map((part) => ({ place: part, head: part }))
  if (ts.isWhileStatement(node) || ts.isDoStatement(node)) return parts(node.expression)
  if (ts.isIfStatement(node) || ts.isSwitchStatement(node)) return [{ place: node, head: node.expression }]
  if (isSimple(node)) return [{ place: node, head: node }]
  if (!ts.isForStatement(node)) return []
  // what stands between a label and its loop takes the label
  const isLabelled = ts.isLabeledStatement(node.parent)
  const first = node.initializer === undefined || isLabelled ? [] : [{ place: node, head: node.initializer }]
  return [...first, ...parts(node.condition, node.incrementor)]
}

const isSimple = (node: ts.Node): node is ts.Statement =>
  ts.isExpressionStatement(node) || ts.isVariableStatement(node)
  || ts.isReturnStatement(node) || ts.isThrowStatement(node)

function suspendsIn(root: ts.Node, targetOf: Suspension['targetOf']): boolean {
  let suspends = false
  const visit = (node: ts.Node): void => {
    if (suspends || isFunctionNode(node)) return
    if (ts.isCallExpression(node) && targetOf(node) !== undefined) suspends = true
    else ts.forEachChild(node, visit)
  }
  visit(root)
  return suspends
}
