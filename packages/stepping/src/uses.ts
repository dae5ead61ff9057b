// SPDX-License-Identifier: MIT
/** How the value of an expression is used by what stands around it. */
import ts from 'typescript'
import { isWrapper } from './functions.js'

/** The expression with its wrappers, and what uses that. */
export function useOf(node: ts.Node): { readonly parent: ts.Node, readonly child: ts.Node } {
  let child = node
  while (isWrapper(child.parent)) child = child.parent
  return { parent: child.parent, child }
}

/** Is it what a call, `new` or a tagged template calls? */
export function isCallee(parent: ts.Node, child: ts.Node): boolean {
  if (ts.isTaggedTemplateExpression(parent)) return parent.tag === child
  return (ts.isCallExpression(parent) || ts.isNewExpression(parent)) && parent.expression === child
}

/** Is it looked at without being held or called: compared, tested, assigned to, asked for a property? */
export function isOnlyLookedAt(parent: ts.Node, child: ts.Node): boolean {
  if (ts.isTypeOfExpression(parent) || ts.isVoidExpression(parent) || ts.isPrefixUnaryExpression(parent)) return true
  if (ts.isExpressionStatement(parent) || ts.isExportAssignment(parent)) return true
  if (ts.isPropertyAccessExpression(parent)) return !['call', 'apply', 'bind'].includes(parent.name.text)
  if (ts.isBinaryExpression(parent)) return isLookingOperator(parent, child)
  return isCondition(parent, child)
}

const lookingOperators = new Set([
  ts.SyntaxKind.EqualsEqualsEqualsToken, ts.SyntaxKind.ExclamationEqualsEqualsToken, ts.SyntaxKind.EqualsEqualsToken,
  ts.SyntaxKind.ExclamationEqualsToken, ts.SyntaxKind.InstanceOfKeyword, ts.SyntaxKind.InKeyword,
])

function isLookingOperator({ operatorToken: { kind }, left }: ts.BinaryExpression, child: ts.Node): boolean {
  const leftOnly = kind === ts.SyntaxKind.AmpersandAmpersandToken || isAssignmentOperator(kind)
  return lookingOperators.has(kind) || (leftOnly && left === child)
}

function isCondition(parent: ts.Node, child: ts.Node): boolean {
  if (ts.isConditionalExpression(parent) || ts.isForStatement(parent)) return parent.condition === child
  const isLoop = ts.isWhileStatement(parent) || ts.isDoStatement(parent)
  return (isLoop || ts.isIfStatement(parent)) && parent.expression === child
}

export const isAssignmentOperator = (kind: ts.SyntaxKind): boolean =>
  kind >= ts.SyntaxKind.FirstAssignment && kind <= ts.SyntaxKind.LastAssignment

/** Is the child one of the values that the parent chooses its own from? */
export function isChoice(parent: ts.Node, child: ts.Node): boolean {
  if (ts.isConditionalExpression(parent)) return parent.condition !== child
  if (!ts.isBinaryExpression(parent)) return false
  const { kind } = parent.operatorToken
  const either = kind === ts.SyntaxKind.BarBarToken || kind === ts.SyntaxKind.QuestionQuestionToken
  const last = kind === ts.SyntaxKind.AmpersandAmpersandToken || kind === ts.SyntaxKind.CommaToken
  return either || (last && parent.right === child)
}

/** Does the parent hold the value under a type inferred from it? */
export const isHolder = (parent: ts.Node): boolean =>
  ts.isVariableDeclaration(parent) || ts.isPropertyAssignment(parent) || ts.isShorthandPropertyAssignment(parent)
  || ts.isPropertyDeclaration(parent) || ts.isBindingElement(parent) || ts.isParameter(parent)

/** `x++`, `--x`. */
export const isCounting = (node: ts.Node): node is ts.PrefixUnaryExpression | ts.PostfixUnaryExpression =>
  ts.isPostfixUnaryExpression(node) || (ts.isPrefixUnaryExpression(node)
    && (node.operator === ts.SyntaxKind.PlusPlusToken || node.operator === ts.SyntaxKind.MinusMinusToken))
