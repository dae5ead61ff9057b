// SPDX-License-Identifier: MIT
/** Rules about where a suspending call and a suspending function may stand (STEP-1 to 8, 10 to 13, 16, 17, 20). */
import ts from 'typescript'
import { isBranded } from './colour.js'
import type { Report } from './diagnostic.js'
import { bare, isNameOf, nameOf, symbolOf, symbolOfType, visitCode } from './functions.js'
import type { Container, FunctionNode } from './functions.js'
import type { Sources } from './program.js'
import type { RuleId } from './rules.js'
import { placeOfCall } from './suspends.js'
import type { Suspension, Target } from './suspends.js'

export function checkPlacement(sources: Sources, suspension: Suspension, report: Report): void {
  const enter = (node: ts.Node): void => {
    if (ts.isCallExpression(node)) {
      checkCall(node, suspension, report)
      checkLoading(node, sources, report)
    }
    if (ts.isNewExpression(node)) checkNew(node, sources, suspension, report)
    if (ts.isTaggedTemplateExpression(node)) checkTag(node, sources, suspension, report)
    if (ts.isDecorator(node)) report('STEP-17', node, `the decorator \`${node.getText()}\` wraps what it stands on`)
  }
  for (const file of sources.own) visitCode(file, enter)
  for (const fn of suspension.reasons.keys()) {
    if (ts.isArrowFunction(fn)) checkArrow(fn, suspension, report)
    if (ts.isMethodDeclaration(fn)) checkMethodName(fn, suspension, report)
  }
}

function checkCall(call: ts.CallExpression, suspension: Suspension, report: Report): void {
  const target = suspension.targetOf(call)
  if (target === undefined) return
  if (ts.isOptionalChain(call)) {
    const found = `\`${textOf(call.expression)}\` ${steps(target)}, and here it is called only if something is there`
    report('STEP-11', call, found)
  }
  const place = placeOfCall(call)
  if (place.rule !== undefined) {
    report(place.rule, call, `${placeName(place.rule, place.container)} calls ${described(call, target, suspension)}`)
  }
}

const placeNames: Partial<Record<RuleId, string>> = {
  'STEP-1': 'module top level',
  'STEP-2': 'a constructor',
  'STEP-3': 'an accessor',
  'STEP-4': 'a parameter default',
  'STEP-5': 'a destructuring default',
  'STEP-6': 'a class field or static block',
  'STEP-7': 'an async function',
  'STEP-8': 'a generator',
}

function placeName(rule: RuleId, container: Container): string {
  const name = ts.isConstructorDeclaration(container) ? '' : nameOf(container)
  const noun = placeNames[rule] ?? ''
  return name === '' || rule === 'STEP-1' ? noun : `${noun} (\`${name}\`)`
}

const steps = (target: Target): string =>
  target.kind === 'access' ? 'is a shared access' : 'may stop at a shared access'

function described(call: ts.CallExpression, target: Target, suspension: Suspension): string {
  const because = target.kind === 'own' ? ` (${whySuspends(target.fn, suspension)})` : ''
  return `\`${textOf(call.expression)}\`, which ${steps(target)}${because}`
}

/** The chain of calls from a function down to an access. */
export function whySuspends(fn: FunctionNode, { reasons }: Suspension): string {
  const parts: string[] = []
  const seen = new Set<FunctionNode>()
  for (let at: FunctionNode | undefined = fn; at !== undefined && !seen.has(at);) {
    seen.add(at)
    const reason = reasons.get(at)
    parts.push(reason?.text ?? 'it suspends')
    at = reason?.via
  }
  const shown = parts.length > 4 ? [...parts.slice(0, 3), '...', parts.at(-1)] : parts
  return shown.join(', ')
}

/** The text of an expression in a message: one line, and not a whole function. */
export function textOf(node: ts.Node): string {
  const text = node.getText().replace(/\s+/g, ' ')
  return text.length > 40 ? `${text.slice(0, 37)}...` : text
}

/** Does calling this expression step or suspend? */
function isSuspending(expression: ts.Expression, { checker }: Sources, suspension: Suspension): boolean {
  const callee = bare(expression)
  const type = checker.getTypeAtLocation(callee)
  const symbol = symbolOf(checker, callee) ?? symbolOfType(checker, type)
  const isKnown = symbol !== undefined
    && (suspension.suspendsSymbol(symbol) || suspension.externals.bySymbol.has(symbol))
  return isKnown || isBranded(type)
}

function checkNew(node: ts.NewExpression, sources: Sources, suspension: Suspension, report: Report): void {
  if (isGlobalName(node.expression, 'Function', sources)) {
    report('STEP-20', node, '`new Function` makes code that the build cannot read')
  }
  if (!isSuspending(node.expression, sources, suspension)) return
  report('STEP-12', node, `\`${textOf(node.expression)}\` may stop at a shared access, and a constructor cannot`)
}

function checkTag(node: ts.TaggedTemplateExpression, sources: Sources, suspension: Suspension, report: Report): void {
  if (!isSuspending(node.tag, sources, suspension)) return
  report('STEP-13', node, `the tag \`${textOf(node.tag)}\` may stop at a shared access`)
}

function checkLoading(call: ts.CallExpression, sources: Sources, report: Report): void {
  if (call.expression.kind === ts.SyntaxKind.ImportKeyword) {
    report('STEP-20', call, '`import()` loads a module whose functions nobody can tell apart')
  }
  for (const name of ['eval', 'Function']) {
    if (!isGlobalName(call.expression, name, sources)) continue
    report('STEP-20', call, `\`${name}\` makes code that the build cannot read`)
  }
}

/** Is this the global of that name, not something of the package's own? */
export function isGlobalName(node: ts.Node, name: string, { checker, isOwn }: Sources): boolean {
  if (!ts.isIdentifier(node) || node.text !== name) return false
  const declarations = checker.getSymbolAtLocation(node)?.declarations ?? []
  return !declarations.some(isOwn)
}

/** An arrow becomes a `function*`, which has a `this` and `arguments` of its own. */
function checkArrow(arrow: ts.ArrowFunction, suspension: Suspension, report: Report): void {
  visitCode(arrow, (node) => {
    if (node !== arrow && hasOwnThis(node)) return false
    const word = lexicalWord(node)
    if (word !== undefined) {
      report('STEP-10', node, `\`${word}\` stands in an arrow that suspends (${whySuspends(arrow, suspension)})`)
    }
    return true
  })
}

const hasOwnThis = (node: ts.Node): boolean =>
  ts.isFunctionDeclaration(node) || ts.isFunctionExpression(node) || ts.isMethodDeclaration(node) || ts.isAccessor(node)
  || ts.isClassLike(node)

function lexicalWord(node: ts.Node): string | undefined {
  if (node.kind === ts.SyntaxKind.ThisKeyword) return 'this'
  if (node.kind === ts.SyntaxKind.SuperKeyword) return 'super'
  if (ts.isMetaProperty(node) && node.keywordToken === ts.SyntaxKind.NewKeyword) return 'new.target'
  const isArguments = ts.isIdentifier(node) && node.text === 'arguments' && !isNameOf(node, node.parent)
  return isArguments ? 'arguments' : undefined
}

const calledByTheLanguage = new Set(['toString', 'valueOf', 'toJSON', 'then', 'next', 'return', 'throw'])

/** Conversions, iteration and `await` call methods that no call names. */
function checkMethodName(method: ts.MethodDeclaration, suspension: Suspension, report: Report): void {
  const { name } = method
  const isComputed = ts.isComputedPropertyName(name)
  const isHidden = isComputed ? !ts.isStringLiteralLike(name.expression) : calledByTheLanguage.has(name.text)
  if (!isHidden) return
  const why = whySuspends(method, suspension)
  report('STEP-16', name, `the language itself calls \`${name.getText()}\`, and it suspends (${why})`)
}
