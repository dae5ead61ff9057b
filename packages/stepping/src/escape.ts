// SPDX-License-Identifier: MIT
/**
 * Rules about function values (STEP-9, 14, 15, 18): what suspends is only ever called as such, and what is called as
 * such suspends.
 *
 * Every value that reaches a place of some type is looked at where it is written: names and literals of functions by the
 * function itself, everything else by its type.
 */
import ts from 'typescript'
import { Colours } from './colour.js'
import type { Mismatch } from './colour.js'
import type { Report } from './diagnostic.js'
import { functionOf, isConst, isFunctionLiteral, isValueName, isWrapper, throughAliases, visitCode } from './functions.js'
import type { FunctionLiteral } from './functions.js'
import { outer, textOf, whySuspends } from './placement.js'
import type { Sources } from './program.js'
import { expectedOfMethod, expectedType, valueSymbol } from './suspends.js'
import type { Suspension } from './suspends.js'

interface Context {
  readonly sources: Sources
  readonly suspension: Suspension
  readonly colours: Colours
  readonly report: Report
}

export function checkEscapes(sources: Sources, suspension: Suspension, report: Report): void {
  const colours = new Colours(sources.checker, suspension.suspendsSymbol)
  const context: Context = { sources, suspension, colours, report }
  const enter = (node: ts.Node): void => {
    if (isFunctionLiteral(node)) checkLiteral(context, node)
    else if (ts.isMethodDeclaration(node)) checkMethod(context, node)
    else if (ts.isClassLike(node)) checkHeritage(context, node)
    else if (ts.isBindingElement(node)) checkBinding(context, node)
    else if (isLeaf(node)) checkValue(context, node)
  }
  for (const file of sources.own) visitCode(file, enter)
}

/** An expression that stands for itself: the parts of a choice, an array or an object are looked at one by one. */
const isLeaf = (node: ts.Node): node is ts.Expression =>
  isValueName(node) || ts.isCallExpression(node) || ts.isNewExpression(node) || ts.isAwaitExpression(node)
  || ts.isYieldExpression(node) || ts.isTaggedTemplateExpression(node) || node.kind === ts.SyntaxKind.ThisKeyword

function checkLiteral({ sources, suspension, colours, report }: Context, literal: FunctionLiteral): void {
  const reason = suspension.reasons.has(literal)
  const { parent, child } = outer(literal)
  if (ts.isCallExpression(parent) && parent.expression === child) return
  const expected = expectedType(sources.checker, literal)
  const colour = expected === undefined ? 'none' : colours.of(expected)
  if (!reason) {
    if (colour === 'susp') report('STEP-15', literal, 'a plain function is given where a suspending one is expected')
    if (colour === 'mixed') reportMixed(report, literal)
    else if (colour === 'plain' && expected !== undefined) checkFlow(report, literal, colours.mismatch(sources.checker.getTypeAtLocation(literal), expected))
    return
  }
  if (colour === 'susp') return
  if (colour === 'mixed') reportMixed(report, literal)
  else if (!isNamedConstant(parent)) report('STEP-9', literal, `this function suspends (${whySuspends(literal, suspension)}), and whoever gets it calls it as a plain one`)
}

const isNamedConstant = (parent: ts.Node): boolean =>
  ts.isVariableDeclaration(parent) && ts.isIdentifier(parent.name) && isConst(parent)

/** A suspending method of an object literal: the object's type must say so. */
function checkMethod({ sources, suspension, colours, report }: Context, method: ts.MethodDeclaration): void {
  if (!ts.isObjectLiteralExpression(method.parent) || !suspension.reasons.has(method)) return
  const expected = expectedOfMethod(sources.checker, method)
  if (expected !== undefined && colours.of(expected) === 'susp') return
  report('STEP-14', method.name, `the method \`${method.name.getText()}\` suspends (${whySuspends(method, suspension)}), and the type of its object does not say so`)
}

function checkHeritage({ sources: { checker }, colours, report }: Context, node: ts.ClassLikeDeclaration): void {
  for (const base of (node.heritageClauses ?? []).flatMap((clause) => clause.types)) {
    checkFlow(report, base, colours.mismatch(checker.getTypeAtLocation(node), checker.getTypeAtLocation(base)))
  }
}

/** `const { method } = object` takes a suspending method out of its object. */
function checkBinding({ sources: { checker }, colours, report }: Context, element: ts.BindingElement): void {
  if (!ts.isIdentifier(element.name) || !ts.isObjectBindingPattern(element.parent)) return
  const type = checker.getTypeAtLocation(element.name)
  if (colours.of(type) !== 'susp' || type.getProperty('__susp') !== undefined) return
  report('STEP-14', element, `\`${element.name.text}\` suspends, and here it is taken out of its object`)
}

function checkValue(context: Context, node: ts.Expression): void {
  const { parent, child } = outer(node)
  if (isCalleeOf(parent, child) || isNeutral(parent, child)) return
  if (isNamespaceOfSuspending(context, node)) return checkNamespace(context.report, node, parent)
  const symbol = isValueName(node) ? valueSymbol(context.sources.checker, node) : undefined
  if (symbol !== undefined && (functionOf(symbol) !== undefined || context.suspension.externals.bySymbol.has(symbol))) {
    checkFunctionName(context, node, symbol)
  } else checkTyped(context, node)
}

const isCalleeOf = (parent: ts.Node, child: ts.Node): boolean =>
  ((ts.isCallExpression(parent) || ts.isNewExpression(parent)) && parent.expression === child)
  || (ts.isTaggedTemplateExpression(parent) && parent.tag === child)

const comparisons = new Set([
  ts.SyntaxKind.EqualsEqualsEqualsToken, ts.SyntaxKind.ExclamationEqualsEqualsToken, ts.SyntaxKind.EqualsEqualsToken,
  ts.SyntaxKind.ExclamationEqualsToken, ts.SyntaxKind.InstanceOfKeyword, ts.SyntaxKind.InKeyword,
])

/** A place that looks at a value without holding or calling it. */
function isNeutral(parent: ts.Node, child: ts.Node): boolean {
  if (ts.isTypeOfExpression(parent) || ts.isVoidExpression(parent) || ts.isPrefixUnaryExpression(parent)) return true
  if (ts.isExpressionStatement(parent) || ts.isExportAssignment(parent)) return true
  if (ts.isPropertyAccessExpression(parent)) return !['call', 'apply', 'bind'].includes(parent.name.text)
  if (ts.isBinaryExpression(parent)) {
    const { kind } = parent.operatorToken
    const assigned = parent.left === child && kind >= ts.SyntaxKind.FirstAssignment && kind <= ts.SyntaxKind.LastAssignment
    return assigned || comparisons.has(kind) || (kind === ts.SyntaxKind.AmpersandAmpersandToken && parent.left === child)
  }
  if (ts.isConditionalExpression(parent)) return parent.condition === child
  const condition = ts.isIfStatement(parent) || ts.isWhileStatement(parent) || ts.isDoStatement(parent)
  return (condition && parent.expression === child) || (ts.isForStatement(parent) && parent.condition === child)
}

/** The name of a function, as a value. */
function checkFunctionName({ sources, suspension, colours, report }: Context, node: ts.Expression, symbol: ts.Symbol): void {
  const external = suspension.externals.bySymbol.get(symbol)
  if (external?.kind === 'access') {
    report('STEP-14', node, `\`${textOf(node)}\` is a shared access, and here it is a value`, 'wrap it: `(p) => ld(p)`, typed `Susp<...>`')
    return
  }
  const expected = expectedType(sources.checker, node)
  const colour = expected === undefined ? 'none' : colours.of(expected)
  const suspends = suspension.suspendsSymbol(symbol)
  if (colour === 'mixed') reportMixed(report, node)
  else if (suspends && colour !== 'susp') reportLost(report, node, whyOf(symbol, suspension))
  else if (!suspends && colour === 'susp') reportGained(report, node)
  else if (expected !== undefined) checkFlow(report, node, colours.mismatch(sources.checker.getTypeAtLocation(node), expected))
}

function whyOf(symbol: ts.Symbol, suspension: Suspension): string {
  const fn = functionOf(symbol)
  return fn !== undefined && suspension.reasons.has(fn) ? ` (${whySuspends(fn, suspension)})` : ''
}

/** Any other value: its type goes along, and must not change colour on the way. */
function checkTyped({ sources: { checker }, colours, report }: Context, node: ts.Expression): void {
  const type = checker.getTypeAtLocation(node)
  const colour = colours.of(type)
  const expected = expectedType(checker, node)
  if (expected !== undefined) {
    if (colours.of(expected) === 'mixed') reportMixed(report, node)
    else checkFlow(report, node, colours.mismatch(type, expected))
  } else if (colour === 'susp' && !keepsColour(checker, colours, node)) reportLost(report, node, '')
}

/** A suspending value without an expected type: does the type of what holds it still say so? */
function keepsColour(checker: ts.TypeChecker, colours: Colours, node: ts.Expression): boolean {
  let child: ts.Node = node
  let { parent } = node
  const isPart = (): boolean => isWrapper(parent) || isChoice(parent, child)
  for (; isPart(); child = parent, parent = parent.parent) {
    if (colours.of(checker.getTypeAtLocation(parent)) !== 'susp') return false
  }
  if (ts.isArrayLiteralExpression(parent)) {
    const element = checker.getTypeAtLocation(parent).getNumberIndexType()
    return element !== undefined && colours.of(element) === 'susp'
  }
  if (ts.isReturnStatement(parent) || ts.isArrowFunction(parent)) return returnsSusp(checker, colours, parent)
  const holders = ts.isVariableDeclaration(parent) || ts.isPropertyAssignment(parent) || ts.isShorthandPropertyAssignment(parent)
  return holders || ts.isPropertyDeclaration(parent) || ts.isBindingElement(parent) || ts.isParameter(parent)
}

function isChoice(parent: ts.Node, child: ts.Node): boolean {
  if (ts.isConditionalExpression(parent)) return parent.condition !== child
  if (!ts.isBinaryExpression(parent)) return false
  const { kind } = parent.operatorToken
  const logical = kind === ts.SyntaxKind.BarBarToken || kind === ts.SyntaxKind.QuestionQuestionToken
  const last = kind === ts.SyntaxKind.AmpersandAmpersandToken || kind === ts.SyntaxKind.CommaToken
  return logical || (last && parent.right === child)
}

function returnsSusp(checker: ts.TypeChecker, colours: Colours, at: ts.ReturnStatement | ts.ArrowFunction): boolean {
  const fn = ts.isArrowFunction(at) ? at : ts.findAncestor(at, ts.isFunctionLike)
  const signature = fn && checker.getSignatureFromDeclaration(fn)
  return signature !== undefined && colours.of(signature.getReturnType()) === 'susp'
}

function isNamespaceOfSuspending({ sources: { checker }, suspension }: Context, node: ts.Node): boolean {
  if (!ts.isIdentifier(node)) return false
  const symbol = checker.getSymbolAtLocation(node)
  const module = symbol && throughAliases(checker, symbol)
  if (module === undefined || !(module.flags & ts.SymbolFlags.ValueModule)) return false
  const exported = checker.getExportsOfModule(module).map((each) => throughAliases(checker, each))
  return exported.some((each) => suspension.suspendsSymbol(each) || suspension.externals.bySymbol.has(each))
}

function checkNamespace(report: Report, node: ts.Expression, parent: ts.Node): void {
  if (ts.isPropertyAccessExpression(parent) && parent.expression === node) return
  report('STEP-18', node, `the namespace \`${textOf(node)}\` holds suspending functions, and here it is a value`)
}

function checkFlow(report: Report, node: ts.Node, mismatch: Mismatch | undefined): void {
  if (mismatch === 'lost') reportLost(report, node, '')
  if (mismatch === 'gained') reportGained(report, node)
}

function reportLost(report: Report, node: ts.Node, why: string): void {
  report('STEP-14', node, `\`${textOf(node)}\` suspends${why}, and here it becomes a plain value`)
}

function reportGained(report: Report, node: ts.Node): void {
  report('STEP-15', node, `\`${textOf(node)}\` is plain, or nobody can tell, and a suspending function is expected`)
}

function reportMixed(report: Report, node: ts.Node): void {
  report('STEP-15', node, 'the type expected here holds suspending and plain functions alike', 'make all its members `Susp<...>`')
}
