// SPDX-License-Identifier: MIT
/**
 * Which functions of a program suspend: those that reach an access operation, a suspending function or a call through
 * `Susp<F>`, and those that are given away as `Susp<F>`. A least fixpoint over the package.
 */
import ts from 'typescript'
import { isBranded } from './colour.js'
import { placeOf } from './diagnostic.js'
import type { External, Externals } from './externals.js'
import {
  bare, containerOf, functionOf, isAsync, isFunctionLiteral, isFunctionNode, isGenerator, isValueName, nameOf, symbolOf,
  symbolOfType, throughAliases, visitCode,
} from './functions.js'
import type { Container, FunctionNode } from './functions.js'
import { implementsSusp } from './links.js'
import type { Links } from './links.js'
import type { Sources } from './program.js'
import type { RuleId } from './rules.js'
import { isAssignmentOperator, useOf } from './uses.js'

export type Target =
  | { readonly kind: 'access', readonly external: External }
  | { readonly kind: 'external', readonly external: External }
  | { readonly kind: 'value' }
  | { readonly kind: 'own', readonly fn: FunctionNode }

/** Why a function suspends. */
interface Reason {
  readonly text: string
  /** It calls this function of ours. */
  readonly via?: FunctionNode
}

export interface Suspension {
  /** All suspending functions of the package, each with the first reason found. */
  readonly reasons: ReadonlyMap<FunctionNode, Reason>
  /** The target of a call that steps or suspends; undefined for any other call. */
  readonly targetOf: (call: ts.CallExpression) => Target | undefined
  readonly suspendsSymbol: (symbol: ts.Symbol) => boolean
  readonly externals: Externals
}

export function findSuspension(sources: Sources, externals: Externals, links: Links): Suspension {
  const targets = new Map<ts.CallExpression, Target>()
  const callers = new Map<FunctionNode, ts.CallExpression[]>()
  const reasons = new Map<FunctionNode, Reason>()
  const queue: FunctionNode[] = []
  const mark = (fn: FunctionNode, reason: Reason): void => {
    if (reasons.has(fn)) return
    reasons.set(fn, reason)
    queue.push(fn)
  }
  const markCaller = (call: ts.CallExpression, reason: Reason): void => {
    const place = placeOfCall(call)
    if (place.rule === undefined) mark(place.fn, reason)
  }
  const enter = (node: ts.Node): void => {
    const given = functionGivenAsSusp(sources, node)
    if (given !== undefined) mark(given, { text: `it is given as \`Susp<...>\` at ${placeOf(node)}` })
    if (!ts.isCallExpression(node)) return
    const target = classify(sources, externals, node)
    if (target === undefined) return
    targets.set(node, target)
    if (target.kind === 'own') callers.set(target.fn, [...callers.get(target.fn) ?? [], node])
    else markCaller(node, { text: `it calls ${describe(target)} at ${placeOf(node)}` })
  }
  for (const file of sources.own) visitCode(file, enter)
  for (const fn of queue) {
    for (const call of callers.get(fn) ?? []) {
      markCaller(call, { text: `it calls \`${nameOf(fn)}\` at ${placeOf(call)}`, via: fn })
    }
    for (const linked of links.get(fn) ?? []) {
      mark(linked, { text: `it stands for \`${nameOf(fn)}\` at ${placeOf(fn)}`, via: fn })
    }
  }
  const targetOf = (call: ts.CallExpression): Target | undefined => {
    const target = targets.get(call)
    return target?.kind === 'own' && !reasons.has(target.fn) ? undefined : target
  }
  const suspendsSymbol = (symbol: ts.Symbol): boolean => {
    const fn = functionOf(symbol)
    return fn === undefined ? externals.bySymbol.get(symbol)?.kind === 'suspends'
      : reasons.has(fn) || externals.bySymbol.get(symbol)?.kind === 'suspends'
  }
  return { reasons, targetOf, suspendsSymbol, externals }
}

function describe(target: Target): string {
  if (target.kind === 'value') return 'a `Susp<...>` value'
  return `\`${target.kind === 'own' ? nameOf(target.fn) : target.external.name}\``
}

/** Where a call stands: in a function that can become a generator, or in a place that a rule forbids. */
export type CallPlace =
  | { readonly fn: FunctionNode, readonly rule?: undefined }
  | { readonly rule: RuleId, readonly container: Container }

export function placeOfCall(node: ts.Node): CallPlace {
  const container = containerOf(node)
  const inDefault = defaultAround(node, container)
  if (inDefault !== undefined) return { rule: inDefault, container }
  if (ts.isSourceFile(container)) return { rule: 'STEP-1', container }
  if (ts.isConstructorDeclaration(container)) return { rule: 'STEP-2', container }
  if (ts.isAccessor(container)) return { rule: 'STEP-3', container }
  if (!isFunctionNode(container)) return { rule: 'STEP-6', container }
  if (isAsync(container)) return { rule: 'STEP-7', container }
  return isGenerator(container) ? { rule: 'STEP-8', container } : { fn: container }
}

function defaultAround(node: ts.Node, container: Container): RuleId | undefined {
  let rule: RuleId | undefined
  for (let child = node, at = node.parent; child !== container; child = at, at = at.parent) {
    if (ts.isParameter(at) && at.initializer === child) rule = 'STEP-4'
    if (ts.isBindingElement(at) && at.initializer === child) rule ??= 'STEP-5'
    if (isPatternDefault(at, child)) rule ??= 'STEP-5'
  }
  return rule
}

/** `[a = f()] = b`, `({ a = f() } = b)`: a default inside an assignment pattern. */
function isPatternDefault(at: ts.Node, child: ts.Node): boolean {
  if (ts.isShorthandPropertyAssignment(at)) return at.objectAssignmentInitializer === child
  return isAssignment(at) && at.right === child && isInPattern(at)
}

const isAssignment = (node: ts.Node): node is ts.BinaryExpression =>
  ts.isBinaryExpression(node) && node.operatorToken.kind === ts.SyntaxKind.EqualsToken

function isInPattern(node: ts.Node): boolean {
  const { parent } = node
  if (ts.isPropertyAssignment(parent) && parent.initializer === node) return isInPattern(parent)
  if (ts.isArrayLiteralExpression(parent) || ts.isObjectLiteralExpression(parent)) return isPattern(parent)
  return false
}

function isPattern(literal: ts.Node): boolean {
  const { parent } = literal
  if (isAssignment(parent)) return parent.left === literal
  return ts.isForOfStatement(parent) ? parent.initializer === literal : isInPattern(literal)
}

function classify(sources: Sources, externals: Externals, call: ts.CallExpression): Target | undefined {
  const callee = bare(call.expression)
  if (isFunctionLiteral(callee)) return { kind: 'own', fn: callee }
  const symbol = symbolOf(sources.checker, callee)
  const named = symbol && namedTarget(sources, externals, symbol)
  if (named !== undefined) return named
  const type = sources.checker.getTypeAtLocation(callee)
  if (isBranded(type)) return { kind: 'value' }
  const typed = symbolOfType(sources.checker, type)
  return typed && namedTarget(sources, externals, typed)
}

function namedTarget(sources: Sources, externals: Externals, symbol: ts.Symbol): Target | undefined {
  const external = externals.bySymbol.get(symbol)
  if (external !== undefined) return { kind: external.kind === 'access' ? 'access' : 'external', external }
  const fn = functionOf(symbol)
  return fn !== undefined && sources.isOwn(fn) ? { kind: 'own', fn } : undefined
}

/** The function that `node` gives to a place of type `Susp<F>`: a literal, the name of a function, a method. */
function functionGivenAsSusp({ checker, isOwn }: Sources, node: ts.Node): FunctionNode | undefined {
  if (ts.isMethodDeclaration(node)) {
    const expected = expectedOfMethod(checker, node)
    return (expected !== undefined && isBranded(expected)) || implementsSusp(checker, node) ? node : undefined
  }
  if (!isFunctionLiteral(node) && !isValueName(node)) return undefined
  const fn = isFunctionLiteral(node) ? node : functionOf(valueSymbol(checker, node))
  if (fn === undefined || !isOwn(fn)) return undefined
  const expected = expectedType(checker, node)
  return expected !== undefined && isBranded(expected) ? fn : undefined
}

/** The symbol of a value, also of the value in `{ name }`. */
export function valueSymbol(checker: ts.TypeChecker, node: ts.Expression): ts.Symbol | undefined {
  const short = ts.isShorthandPropertyAssignment(node.parent) && node.parent.name === node
  const symbol = short ? checker.getShorthandAssignmentValueSymbol(node.parent) : undefined
  return symbol === undefined ? symbolOf(checker, node) : throughAliases(checker, symbol)
}

/** The type that the surroundings of an expression ask for. */
export function expectedType(checker: ts.TypeChecker, node: ts.Expression): ts.Type | undefined {
  if (isAssignmentTarget(node) || isTakenApart(node)) return undefined
  const declared = declaredParameter(checker, node)
  const bound = declared && checker.getBaseConstraintOfType(declared)
  return bound !== undefined && isBranded(bound) ? bound : checker.getContextualType(node)
}

/** The type that a generic function declares for an argument, its type parameters still open. */
export function declaredParameter(checker: ts.TypeChecker, node: ts.Expression): ts.Type | undefined {
  const { parent, child } = useOf(node)
  if (!ts.isCallExpression(parent) && !ts.isNewExpression(parent)) return undefined
  const declaration = checker.getResolvedSignature(parent)?.getDeclaration()
  if (declaration?.typeParameters === undefined) return undefined
  const index = parent.arguments?.findIndex((each) => each === child) ?? -1
  const parameter = declaration.parameters.at(Math.min(index, declaration.parameters.length - 1))
  return index < 0 || parameter === undefined ? undefined : checker.getTypeAtLocation(parameter)
}

/** `const { a } = node`: the names take their types from the value, not the value from the names. */
function isTakenApart(node: ts.Expression): boolean {
  const { parent } = useOf(node)
  const isPattern = (ts.isVariableDeclaration(parent) || ts.isParameter(parent)) && !ts.isIdentifier(parent.name)
  return isPattern && parent.type === undefined
}

function isAssignmentTarget(node: ts.Expression): boolean {
  const { parent } = node
  return ts.isBinaryExpression(parent) && parent.left === node && isAssignmentOperator(parent.operatorToken.kind)
}

/** What the type expected of an object literal says of one of its methods. */
export function expectedOfMethod(checker: ts.TypeChecker, method: ts.MethodDeclaration): ts.Type | undefined {
  if (!ts.isObjectLiteralExpression(method.parent)) return undefined
  const whole = checker.getContextualType(method.parent)
  const property = whole && ts.isPropertyName(method.name) && !ts.isComputedPropertyName(method.name)
    ? whole.getProperty(method.name.text) : undefined
  return property && checker.getTypeOfSymbol(property)
}
