// SPDX-License-Identifier: MIT
/** Functions in the syntax tree: which node is one, which one a symbol names, which one encloses a node. */
import ts from 'typescript'

/** What can become a generator. A method without a body is an abstract one, which has no text to change. */
export type FunctionNode = ts.FunctionDeclaration | ts.MethodDeclaration | ts.FunctionExpression | ts.ArrowFunction

/** What runs the code inside it, at some time of its own. */
export type Container =
  | FunctionNode | ts.ConstructorDeclaration | ts.AccessorDeclaration | ts.ClassStaticBlockDeclaration
  | ts.PropertyDeclaration | ts.SourceFile

export type FunctionLiteral = ts.FunctionExpression | ts.ArrowFunction

export const isFunctionLiteral = (node: ts.Node): node is FunctionLiteral =>
  ts.isArrowFunction(node) || ts.isFunctionExpression(node)

export const isFunctionNode = (node: ts.Node): node is FunctionNode =>
  ts.isFunctionDeclaration(node) || ts.isMethodDeclaration(node) || isFunctionLiteral(node)

const isContainer = (node: ts.Node): node is Container =>
  isFunctionNode(node) || ts.isConstructorDeclaration(node) || ts.isAccessor(node) || ts.isSourceFile(node)
  || ts.isClassStaticBlockDeclaration(node) || ts.isPropertyDeclaration(node)

/**
 * The container that runs `node`. A name computed in a class is run by whatever runs the class; a field's value is run
 * by construction, which the field itself stands for.
 */
export function containerOf(node: ts.Node): Container {
  let child = node
  for (let at = node.parent; ; child = at, at = at.parent) {
    if (isContainer(at) && !isOutside(child, at)) return at
  }
}

const isOutside = (child: ts.Node, container: Container): boolean =>
  ts.isDecorator(child) || ('name' in container && container.name === child && ts.isComputedPropertyName(child))

export const isAsync = (node: FunctionNode): boolean =>
  (ts.getCombinedModifierFlags(node) & ts.ModifierFlags.Async) !== 0

export const isGenerator = (node: FunctionNode): boolean =>
  !ts.isArrowFunction(node) && node.asteriskToken !== undefined

/** Visit the whole tree of `node`, types left out; `enter` answers false to leave a node's children out. */
export function visitCode(node: ts.Node, enter: (node: ts.Node) => unknown): void {
  const visit = (child: ts.Node): void => {
    if (ts.isTypeNode(child) && !ts.isExpressionWithTypeArguments(child)) return
    if (enter(child) !== false) ts.forEachChild(child, visit)
  }
  visit(node)
}

/** Visit the code that a function itself runs: neither its parameters nor the functions inside. */
export function visitOwn(fn: FunctionNode, enter: (node: ts.Node) => void): void {
  const visit = (node: ts.Node): void => {
    if (ts.isTypeNode(node) || isFunctionNode(node)) return
    enter(node)
    ts.forEachChild(node, visit)
  }
  if (fn.body !== undefined) visit(fn.body)
}

/** `e` without parentheses and without what types alone have added: `(e)`, `e!`, `e as T`, `e satisfies T`. */
export function bare(expression: ts.Expression): ts.Expression {
  let at = expression
  while (isWrapper(at)) at = at.expression
  return at
}

export const isWrapper = (node: ts.Node): node is ts.Expression & { readonly expression: ts.Expression } =>
  ts.isParenthesizedExpression(node) || ts.isNonNullExpression(node) || ts.isAsExpression(node)
  || ts.isSatisfiesExpression(node) || ts.isTypeAssertionExpression(node)

export type ValueName = ts.Identifier | ts.PropertyAccessExpression | ts.ElementAccessExpression

/** A name, `a.b` or `a['b']` that is read as a value; not the names of declarations, properties, imports and labels. */
export function isValueName(node: ts.Node): node is ValueName {
  if (ts.isPropertyAccessExpression(node) || ts.isElementAccessExpression(node)) return true
  if (!ts.isIdentifier(node)) return false
  const { parent } = node
  if (ts.isShorthandPropertyAssignment(parent) || ts.isExportAssignment(parent)) return true
  if (ts.isImportSpecifier(parent) || ts.isExportSpecifier(parent) || ts.isNamespaceExport(parent)) return false
  if (ts.isBindingElement(parent)) return parent.initializer === node
  if (ts.isLabeledStatement(parent) || ts.isBreakOrContinueStatement(parent) || ts.isMetaProperty(parent)) return false
  return !isNameOf(node, parent)
}

/** Is `node` the name that `parent` declares or selects, rather than something that it reads? */
export const isNameOf = (node: ts.Node, parent: ts.Node): boolean => 'name' in parent && parent.name === node

/** The symbol that a name, `a.b` or `a['b']` means, through imports and exports. */
export function symbolOf(checker: ts.TypeChecker, expression: ts.Node): ts.Symbol | undefined {
  const name = nameIn(expression)
  const symbol = name && checker.getSymbolAtLocation(name)
  return symbol && throughAliases(checker, symbol)
}

function nameIn(expression: ts.Node): ts.Node | undefined {
  if (ts.isPropertyAccessExpression(expression)) return expression.name
  if (!ts.isElementAccessExpression(expression)) return expression
  const key = expression.argumentExpression
  return ts.isStringLiteralLike(key) || ts.isNumericLiteral(key) ? key : undefined
}

/** The function, class or interface that a type is the type of. */
export function symbolOfType(checker: ts.TypeChecker, type: { readonly symbol?: ts.Symbol }): ts.Symbol | undefined {
  return type.symbol && throughAliases(checker, type.symbol)
}

export const throughAliases = (checker: ts.TypeChecker, symbol: ts.Symbol): ts.Symbol =>
  symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol

/** The function that a symbol always names: a declaration, a method, a constant that holds a literal. */
export function functionOf(symbol: ts.Symbol | undefined): FunctionNode | undefined {
  const functions = (symbol?.declarations ?? []).map(functionDeclared).filter((node) => node !== undefined)
  return functions.find((node) => node.body !== undefined) ?? functions.find(isAbstract)
}

function functionDeclared(declaration: ts.Declaration): FunctionNode | undefined {
  if (isFunctionNode(declaration)) return declaration
  const constant = ts.isVariableDeclaration(declaration) && isConst(declaration)
  const held = constant || ts.isPropertyAssignment(declaration) ? declaration.initializer : undefined
  const literal = held && bare(held)
  return literal !== undefined && isFunctionLiteral(literal) ? literal : undefined
}

export const isConst = (declaration: ts.VariableDeclaration): boolean =>
  (ts.getCombinedNodeFlags(declaration) & ts.NodeFlags.Const) !== 0

const isAbstract = (node: ts.Declaration): boolean =>
  (ts.getCombinedModifierFlags(node) & ts.ModifierFlags.Abstract) !== 0

/** The name by which people know a function; '' for one without. */
export function nameOf(node: Container): string {
  if (ts.isSourceFile(node) || ts.isClassStaticBlockDeclaration(node)) return ''
  if (ts.isConstructorDeclaration(node)) return 'constructor'
  return (node.name ?? holderName(node.parent))?.getText() ?? ''
}

function holderName(node: ts.Node): ts.Node | undefined {
  if (isWrapper(node)) return holderName(node.parent)
  const holds = ts.isVariableDeclaration(node) || ts.isPropertyAssignment(node) || ts.isPropertyDeclaration(node)
  return holds ? node.name : undefined
}
