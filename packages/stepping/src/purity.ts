// SPDX-License-Identifier: MIT
/** Rules of mechanism sources (STEP-30 to 32): state lives in shared memory, and only the machine touches that. */
import ts from 'typescript'
import type { Report } from './diagnostic.js'
import type { Externals } from './externals.js'
import { bare, isAsync, isFunctionLiteral, isFunctionNode, isGenerator, symbolOf } from './functions.js'
import { isGlobalName } from './placement.js'
import { isLibraryFile } from './program.js'
import type { Sources } from './program.js'

export function checkPurity(file: ts.SourceFile, sources: Sources, externals: Externals, report: Report): void {
  const variables = file.statements.filter(ts.isVariableStatement).filter((statement) => !isDeclared(statement))
  for (const statement of variables) checkVariables(statement, sources, externals, report)
  const visit = (node: ts.Node): void => {
    checkWaiting(node, report)
    checkMemory(node, sources, report)
    if (ts.isPropertyDeclaration(node)) checkStatic(node, report)
    ts.forEachChild(node, visit)
  }
  visit(file)
}

const isDeclared = (statement: ts.VariableStatement): boolean =>
  statement.modifiers?.some((modifier) => modifier.kind === ts.SyntaxKind.DeclareKeyword) === true

function checkVariables(statement: ts.VariableStatement, sources: Sources, externals: Externals, report: Report): void {
  const { declarationList } = statement
  const isConst = (declarationList.flags & ts.NodeFlags.Const) !== 0
  for (const declaration of declarationList.declarations) {
    const name = declaration.name.getText()
    const { initializer } = declaration
    if (!isConst) report('STEP-30', declaration.name, `\`${name}\` can change, and every CPU would have its own`)
    else if (initializer !== undefined && !isSettled(declaration, initializer, sources, externals)) {
      report('STEP-30', declaration.name, `what \`${name}\` holds can change, and every CPU would have its own`)
    }
  }
}

/** Does a module constant stay as it is for good? */
function isSettled(
  declaration: ts.VariableDeclaration, initializer: ts.Expression, sources: Sources, externals: Externals,
): boolean {
  const value = bare(initializer)
  if (isFunctionLiteral(value) || ts.isClassExpression(value)) return true
  const type = sources.checker.getTypeAtLocation(declaration.name)
  if (!ts.isCallExpression(value)) return isReadonly(sources.checker, type)
  const callee = symbolOf(sources.checker, bare(value.expression))
  if (callee !== undefined && externals.ofMachines.has(callee)) return true
  return isFrozen(value, sources) || (type.getCallSignatures().length === 0 && isReadonly(sources.checker, type))
}

function isFrozen(call: ts.CallExpression, sources: Sources): boolean {
  const callee = call.expression
  const isFreeze = ts.isPropertyAccessExpression(callee) && callee.name.text === 'freeze'
  return isFreeze && isGlobalName(callee.expression, 'Object', sources)
}

/** Nothing in a value of this type can be assigned. */
function isReadonly(checker: ts.TypeChecker, type: ts.Type, seen = new Set<ts.Type>()): boolean {
  if (seen.has(type)) return true
  seen.add(type)
  if (type.isUnionOrIntersection()) return type.types.every((each) => isReadonly(checker, each, seen))
  if (!(type.flags & ts.TypeFlags.Object)) return true
  const isList = checker.isArrayType(type) || checker.isTupleType(type)
  if (isList) return isReadonlyList(checker, type as ts.TypeReference, seen)
  const library = libraryName(type)
  if (library !== undefined) return readonlyLibraryTypes.has(library)
  const index = checker.getIndexInfosOfType(type)
  if (index.some((each) => !each.isReadonly || !isReadonly(checker, each.type, seen))) return false
  return type.getProperties().every((property) => isReadonlyProperty(checker, property, seen))
}

const readonlyLibraryTypes = new Set(['ReadonlyMap', 'ReadonlySet', 'RegExp', 'Function'])

function libraryName(type: ts.Type): string | undefined {
  const symbol = type.symbol as ts.Symbol | undefined
  const file = symbol?.declarations?.[0]?.getSourceFile().fileName
  return file !== undefined && isLibraryFile(file) && !type.aliasSymbol ? namedInterface(symbol) : undefined
}

const namedInterface = (symbol: ts.Symbol | undefined): string | undefined =>
  symbol !== undefined && symbol.flags & (ts.SymbolFlags.Interface | ts.SymbolFlags.Class) ? symbol.name : undefined

function isReadonlyList(checker: ts.TypeChecker, type: ts.TypeReference, seen: Set<ts.Type>): boolean {
  const isTuple = checker.isTupleType(type)
  const fixed = isTuple ? (type.target as ts.TupleType).readonly : type.symbol.name === 'ReadonlyArray'
  return fixed && checker.getTypeArguments(type).every((each) => isReadonly(checker, each, seen))
}

function isReadonlyProperty(checker: ts.TypeChecker, property: ts.Symbol, seen: Set<ts.Type>): boolean {
  const isMethod = (property.flags & ts.SymbolFlags.Method) !== 0
  const fixed = isMethod || isReadonlySymbol(property)
  return fixed && isReadonly(checker, checker.getTypeOfSymbol(property), seen)
}

/** Mapped types (`as const`, `Readonly<T>`) carry the mark on the symbol, declarations on their modifiers. */
function isReadonlySymbol(property: ts.Symbol): boolean {
  const checkFlags = (property as { readonly links?: { readonly checkFlags?: number } }).links?.checkFlags ?? 0
  const READONLY = 8
  if (checkFlags & READONLY) return true
  const declarations = property.declarations ?? []
  return declarations.some((each) => (ts.getCombinedModifierFlags(each) & ts.ModifierFlags.Readonly) !== 0)
}

function checkStatic(node: ts.PropertyDeclaration, report: Report): void {
  const flags = ts.getCombinedModifierFlags(node)
  if (!(flags & ts.ModifierFlags.Static) || flags & ts.ModifierFlags.Readonly) return
  const name = node.name.getText()
  report('STEP-30', node.name, `the static field \`${name}\` can change, and every CPU would have its own`)
}

function checkWaiting(node: ts.Node, report: Report): void {
  const isForAwait = ts.isForOfStatement(node) && node.awaitModifier !== undefined
  if (isForAwait) report('STEP-32', node, '`for await` waits for an event loop')
  if (ts.isAwaitExpression(node)) report('STEP-32', node, '`await` waits for an event loop')
  if (!isFunctionNode(node) || node.body === undefined) return
  if (isAsync(node)) report('STEP-32', node, 'an async function waits for an event loop')
  else if (isGenerator(node)) report('STEP-32', node, 'a generator stops where no engine asked for it')
}

const sharedMemoryNames = new Set([
  'Atomics', 'SharedArrayBuffer', 'ArrayBuffer', 'DataView', 'WebAssembly', 'Int8Array', 'Uint8Array',
  'Uint8ClampedArray', 'Int16Array', 'Uint16Array', 'Int32Array', 'Uint32Array', 'Float32Array', 'Float64Array',
  'BigInt64Array', 'BigUint64Array',
])

function checkMemory(node: ts.Node, sources: Sources, report: Report): void {
  if (!ts.isIdentifier(node) || !sharedMemoryNames.has(node.text)) return
  const isPropertyName = ts.isPropertyAccessExpression(node.parent) && node.parent.name === node
  if (isPropertyName || !isGlobalName(node, node.text, sources)) return
  report('STEP-31', node, `\`${node.text}\` reaches memory past the engine`)
}
