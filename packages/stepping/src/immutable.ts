// SPDX-License-Identifier: MIT
/** Types whose values do not change, as far as types can say. */
import ts from 'typescript'

const PRIMITIVE = ts.TypeFlags.NumberLike | ts.TypeFlags.BooleanLike | ts.TypeFlags.StringLike | ts.TypeFlags.BigIntLike
  | ts.TypeFlags.Undefined | ts.TypeFlags.Null | ts.TypeFlags.Void | ts.TypeFlags.Never

/** Objects inside objects, at most. */
const DEPTH = 3

/** A value without parts; a branded one too. */
export function isPrimitive(type: ts.Type): boolean {
  if (type.isUnion()) return type.types.every(isPrimitive)
  if (type.isIntersection()) return type.types.some(isPrimitive)
  return (type.flags & PRIMITIVE) !== 0
}

interface Counts {
  /** Functions count as immutable. */
  readonly orFunction: boolean
}

/** Nothing in it can be assigned to. */
export function isImmutable(
  checker: ts.TypeChecker, type: ts.Type, counts: Counts = { orFunction: true }, depth = DEPTH,
): boolean {
  const areImmutable = (types: readonly ts.Type[], inside: number): boolean =>
    types.every((each) => isImmutable(checker, each, counts, inside))
  if (isPrimitive(type)) return true
  if (depth === 0) return false
  if (type.isUnion()) return areImmutable(type.types, depth)
  if ((type.flags & ts.TypeFlags.Object) === 0 && !type.isIntersection()) return false
  if (isReadonlyList(type)) return areImmutable(checker.getTypeArguments(type), depth - 1)
  const isFunction = type.getCallSignatures().length > 0
  const properties = checker.getPropertiesOfType(type)
  if (isFunction && !counts.orFunction) return false
  if (!isFunction && (properties.length === 0 || checker.getIndexInfosOfType(type).length > 0)) return false
  const types = properties.map((each) => checker.getTypeOfSymbol(each))
  return properties.every(isReadonly) && areImmutable(types, depth - 1)
}

function isReadonlyList(type: ts.Type): type is ts.TypeReference {
  const { target } = type as Partial<ts.TypeReference>
  if (target === undefined) return false
  return type.getSymbol()?.name === 'ReadonlyArray' || (target as Partial<ts.TupleType>).readonly === true
}

function isReadonly({ declarations = [] }: ts.Symbol): boolean {
  const isMarked = (each: ts.Declaration): boolean =>
    (ts.getCombinedModifierFlags(each) & ts.ModifierFlags.Readonly) !== 0
  return declarations.length > 0 && declarations.every(isMarked)
}
