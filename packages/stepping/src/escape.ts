// SPDX-License-Identifier: MIT
/**
 * Rules about function values (STEP-9, 14, 15, 18): what suspends is only ever called as such, and what is called as
 * such suspends.
 *
 * Every value that reaches a place of some type is looked at where it is written: names and literals of functions by
 * the function itself, everything else by its type.
 */
import ts from 'typescript'
import { Colours, isBranded } from './colour.js'
import type { Mismatch } from './colour.js'
import type { Report } from './diagnostic.js'
import {
  bare, functionOf, isConst, isFunctionLiteral, isValueName, isWrapper, throughAliases, visitCode,
} from './functions.js'
import type { FunctionLiteral } from './functions.js'
import { textOf, whySuspends } from './placement.js'
import type { Sources } from './program.js'
import { declaredParameter, expectedOfMethod, expectedType, valueSymbol } from './suspends.js'
import type { Suspension } from './suspends.js'
import { isCallee, isChoice, isHolder, isOnlyLookedAt, useOf } from './uses.js'

interface Context {
  readonly checker: ts.TypeChecker
  readonly suspension: Suspension
  readonly colours: Colours
  readonly report: Report
}

export function checkEscapes(sources: Sources, suspension: Suspension, report: Report): void {
  const { checker } = sources
  const context = { checker, suspension, colours: new Colours(checker, suspension.suspendsSymbol), report }
  const enter = (node: ts.Node): void => {
    if (isFunctionLiteral(node)) checkLiteral(context, node)
    else if (ts.isMethodDeclaration(node)) checkMethod(context, node)
    else if (ts.isClassLike(node)) checkHeritage(context, node)
    else if (ts.isBindingElement(node)) checkBinding(context, node)
    else if (isLeaf(node)) checkValue(context, node)
    if (ts.isCallExpression(node)) checkCallee(context, node)
  }
  for (const file of sources.own) visitCode(file, enter)
}

/** What is called must not sometimes suspend and sometimes not, whatever the members of a union are. */
function checkCallee({ checker, colours, report }: Context, { expression }: ts.CallExpression): void {
  const callee = bare(expression)
  const found = new Set([colours.of(checker.getTypeAtLocation(callee))])
  const owner = ts.isPropertyAccessExpression(callee) ? checker.getTypeAtLocation(callee.expression) : undefined
  if (owner?.isUnion() === true && ts.isPropertyAccessExpression(callee)) {
    const members = owner.types.map((each) => checker.getPropertyOfType(each, callee.name.text))
    for (const member of members) if (member !== undefined) found.add(colours.of(checker.getTypeOfSymbol(member)))
  }
  if (found.has('mixed') || (found.has('susp') && found.has('plain'))) {
    const instead = 'make all of them `Susp<...>`, or methods of one base class'
    report('STEP-15', callee, `some of what \`${textOf(callee)}\` calls may suspend, and some of it does not`, instead)
  }
}

/** An expression that stands for itself: the parts of a choice, an array or an object are looked at one by one. */
const isLeaf = (node: ts.Node): node is ts.Expression =>
  isValueName(node) || ts.isCallExpression(node) || ts.isNewExpression(node) || ts.isAwaitExpression(node)
  || ts.isYieldExpression(node) || ts.isTaggedTemplateExpression(node) || node.kind === ts.SyntaxKind.ThisKeyword

function checkLiteral(context: Context, literal: FunctionLiteral): void {
  const { checker, suspension, colours, report } = context
  const { parent, child } = useOf(literal)
  if (isCallee(parent, child)) return
  const expected = expectedType(checker, literal)
  const colour = expected === undefined ? 'none' : colours.of(expected)
  checkGeneric(context, literal)
  if (colour === 'mixed') reportMixed(report, literal)
  else if (!suspension.reasons.has(literal)) checkHeld(context, literal, expected)
  else if (colour !== 'susp' && !isNamedConstant(parent)) {
    const why = whySuspends(literal, suspension)
    report('STEP-9', literal, `this function suspends (${why}), and whoever gets it calls it as a plain one`)
  }
}

const isNamedConstant = (parent: ts.Node): boolean =>
  ts.isVariableDeclaration(parent) && ts.isIdentifier(parent.name) && isConst(parent)

/** A suspending method of an object literal: the object's type must say so. */
function checkMethod({ checker, suspension, colours, report }: Context, method: ts.MethodDeclaration): void {
  if (!ts.isObjectLiteralExpression(method.parent) || !suspension.reasons.has(method)) return
  const expected = expectedOfMethod(checker, method)
  if (expected !== undefined && colours.of(expected) === 'susp') return
  const found = `the method \`${method.name.getText()}\` suspends (${whySuspends(method, suspension)})`
  report('STEP-14', method.name, `${found}, and the type of its object does not say so`)
}

function checkHeritage({ checker, colours, report }: Context, node: ts.ClassLikeDeclaration): void {
  for (const base of (node.heritageClauses ?? []).flatMap((clause) => clause.types)) {
    reportFlow(report, base, colours.mismatch(checker.getTypeAtLocation(node), checker.getTypeAtLocation(base)))
  }
}

/** `const { method } = object` takes a suspending method out of its object. */
function checkBinding({ checker, colours, report }: Context, element: ts.BindingElement): void {
  if (!ts.isIdentifier(element.name) || !ts.isObjectBindingPattern(element.parent)) return
  const type = checker.getTypeAtLocation(element.name)
  if (colours.of(type) !== 'susp' || isBranded(type)) return
  report('STEP-14', element, `\`${element.name.text}\` suspends, and here it is taken out of its object`)
}

function checkValue(context: Context, node: ts.Expression): void {
  const { parent, child } = useOf(node)
  if (isNamespaceOfSuspending(context, node)) checkNamespace(context, node)
  else if (!isCallee(parent, child) && !isOnlyLookedAt(parent, child)) checkHeldValue(context, node)
}

function checkNamespace({ report }: Context, node: ts.Expression): void {
  if (ts.isPropertyAccessExpression(node.parent) || ts.isTypeOfExpression(node.parent)) return
  report('STEP-18', node, `the namespace \`${textOf(node)}\` holds suspending functions, and here it is a value`)
}

function checkHeldValue(context: Context, node: ts.Expression): void {
  const isTyped = !isValueName(node) || isBranded(context.checker.getTypeAtLocation(node))
  const symbol = isTyped ? undefined : valueSymbol(context.checker, node)
  const isFunction = symbol !== undefined
    && (functionOf(symbol) !== undefined || context.suspension.externals.bySymbol.has(symbol))
  if (isFunction) checkFunctionName(context, node, symbol)
  else checkTyped(context, node)
}

/** The name of a function, as a value. */
function checkFunctionName(context: Context, node: ts.Expression, symbol: ts.Symbol): void {
  const { checker, suspension, colours, report } = context
  if (suspension.externals.bySymbol.get(symbol)?.kind === 'access') {
    const instead = 'wrap it: `(p) => ld(p)`, typed `Susp<...>`'
    report('STEP-14', node, `\`${textOf(node)}\` is a shared access, and here it is a value`, instead)
    return
  }
  const expected = expectedType(checker, node)
  const suspends = suspension.suspendsSymbol(symbol)
  checkGeneric(context, node)
  const isTaken = expected !== undefined && isBranded(expected)
  if (expected !== undefined && colours.of(expected) === 'mixed') reportMixed(report, node)
  else if (suspends && !isTaken) reportLost(report, node, whyOf(symbol, suspension))
  else if (!suspends) checkHeld(context, node, expected)
}

function whyOf(symbol: ts.Symbol, suspension: Suspension): string {
  const fn = functionOf(symbol)
  return fn !== undefined && suspension.reasons.has(fn) ? ` (${whySuspends(fn, suspension)})` : ''
}

/** Any other value: its type goes along, and must not change colour on the way. */
function checkTyped(context: Context, node: ts.Expression): void {
  const { checker, colours, report } = context
  const expected = expectedType(checker, node)
  checkGeneric(context, node)
  if (expected !== undefined) {
    if (colours.of(expected) === 'mixed') reportMixed(report, node)
    else checkHeld(context, node, expected)
  } else if (colours.of(checker.getTypeAtLocation(node)) === 'susp' && !keepsColour(context, node)) {
    reportLost(report, node, '')
  }
}

/** A value is held as what is expected of it. */
function checkHeld({ checker, colours, report }: Context, node: ts.Expression, expected: ts.Type | undefined): void {
  if (expected === undefined) return
  reportFlow(report, node, colours.mismatch(checker.getTypeAtLocation(node), expected))
}

/** An argument of a generic function: inside it, the type parameter's bound says how the argument is called. */
function checkGeneric({ checker, colours, report }: Context, node: ts.Expression): void {
  const declared = declaredParameter(checker, node)
  if (declared !== undefined) reportFlow(report, node, colours.mismatch(checker.getTypeAtLocation(node), declared))
}

/** A suspending value of which no type is expected: does the type of what holds it still say so? */
function keepsColour({ checker, colours }: Context, node: ts.Expression): boolean {
  const isSusp = (type: ts.Type | undefined): boolean => type !== undefined && colours.of(type) === 'susp'
  let child: ts.Node = node
  let { parent } = node
  for (; isWrapper(parent) || isChoice(parent, child); child = parent, parent = parent.parent) {
    if (!isSusp(checker.getTypeAtLocation(parent))) return false
  }
  if (ts.isArrayLiteralExpression(parent)) return isSusp(checker.getTypeAtLocation(parent).getNumberIndexType())
  if (ts.isReturnStatement(parent)) return isSusp(returnType(checker, ts.findAncestor(parent, ts.isFunctionLike)))
  return ts.isArrowFunction(parent) ? isSusp(returnType(checker, parent)) : isHolder(parent)
}

const returnType = (checker: ts.TypeChecker, fn: ts.SignatureDeclaration | undefined): ts.Type | undefined =>
  fn && checker.getSignatureFromDeclaration(fn)?.getReturnType()

function isNamespaceOfSuspending({ checker, suspension }: Context, node: ts.Node): boolean {
  if (!ts.isIdentifier(node)) return false
  const symbol = checker.getSymbolAtLocation(node)
  const module = symbol && throughAliases(checker, symbol)
  if (module === undefined || !(module.flags & ts.SymbolFlags.ValueModule)) return false
  const exported = checker.getExportsOfModule(module).map((each) => throughAliases(checker, each))
  return exported.some((each) => suspension.suspendsSymbol(each) || suspension.externals.bySymbol.has(each))
}

function reportFlow(report: Report, node: ts.Node, mismatch: Mismatch | undefined): void {
  if (mismatch === 'lost') reportLost(report, node, '')
  if (mismatch === 'gained') {
    report('STEP-15', node, `\`${textOf(node)}\` is plain, or nobody can tell, and a suspending function is expected`)
  }
}

function reportLost(report: Report, node: ts.Node, why: string): void {
  report('STEP-14', node, `\`${textOf(node)}\` suspends${why}, and here it becomes a plain value`)
}

function reportMixed(report: Report, node: ts.Node): void {
  const found = 'the type expected here holds suspending and plain functions alike'
  report('STEP-15', node, found, 'make all its members `Susp<...>`')
}
