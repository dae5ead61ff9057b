// SPDX-License-Identifier: MIT
/**
 * What the types say of function values: does calling one suspend?
 *
 * A type suspends by the brand of `Susp<F>`, or because it is the type of one known function that does. `mismatch`
 * finds where a value flows from one colour to the other, however deep in an object, array or callback.
 */
import ts from 'typescript'
import { symbolOfType } from './functions.js'
import { isLibraryFile } from './program.js'

/** `any`: nobody knows. `mixed`: a union of both colours. `none`: nothing to call. */
export type Colour = 'none' | 'plain' | 'susp' | 'mixed' | 'any'

/** `lost`: suspends, and would be called as if it did not. `gained`: the other way round. */
export type Mismatch = 'lost' | 'gained'

const BRAND = '__susp'
const MAX_DEPTH = 6
const MAX_PARTS = 2000

export type SuspendsSymbol = (symbol: ts.Symbol) => boolean

export function isBranded(type: ts.Type): boolean {
  return type.isUnion() ? type.types.some(isBranded) : type.getProperty(BRAND) !== undefined
}

export class Colours {
  readonly #checker: ts.TypeChecker
  readonly #suspends: SuspendsSymbol
  readonly #carrying = new Map<ts.Type, boolean>()

  /** @param suspends does this function symbol suspend, brand or not */
  constructor(checker: ts.TypeChecker, suspends: SuspendsSymbol) {
    this.#checker = checker
    this.#suspends = suspends
  }

  of(type: ts.Type): Colour {
    if (type.flags & ts.TypeFlags.Any) return 'any'
    if (type.isUnion()) return union(type.types.map((each) => this.of(each)))
    const solid = type.flags & ts.TypeFlags.TypeParameter ? this.#checker.getBaseConstraintOfType(type) ?? type : type
    if (solid.getCallSignatures().length === 0) return 'none'
    const known = symbolOfType(this.#checker, solid)
    return solid.getProperty(BRAND) !== undefined || (known !== undefined && this.#suspends(known)) ? 'susp' : 'plain'
  }

  /** Is there a suspending function anywhere in a value of this type? */
  carries(type: ts.Type): boolean {
    const known = this.#carrying.get(type)
    if (known !== undefined) return known
    const reached = new Set([type])
    let found = false
    for (const each of reached) {
      found = this.#carrying.get(each) ?? this.of(each) === 'susp'
      if (found || reached.size > MAX_PARTS) break
      for (const part of this.#parts(each)) reached.add(part)
    }
    if (!found) for (const each of reached) this.#carrying.set(each, false)
    this.#carrying.set(type, found)
    return found
  }

  #parts(type: ts.Type): readonly ts.Type[] {
    if (type.isUnionOrIntersection()) return type.types
    if (!(type.flags & ts.TypeFlags.Object)) return []
    const signatures = type.getCallSignatures().flatMap((each) => [each.getReturnType(), ...this.#parameters(each)])
    const properties = isOfLibrary(type) ? [] : type.getProperties().map((each) => this.#checker.getTypeOfSymbol(each))
    return [...this.#typeArguments(type), ...signatures, ...properties]
  }

  #typeArguments(type: ts.Type): readonly ts.Type[] {
    const isReference = (type as ts.ObjectType).objectFlags & ts.ObjectFlags.Reference
    return isReference ? this.#checker.getTypeArguments(type as ts.TypeReference) : []
  }

  #parameters(signature: ts.Signature): ts.Type[] {
    return signature.getParameters().map((each) => this.#checker.getTypeOfSymbol(each))
  }

  /** What goes wrong when a value of type `from` is held as `to`. */
  mismatch(from: ts.Type, to: ts.Type, depth = 0): Mismatch | undefined {
    if (from === to || depth > MAX_DEPTH || !(this.carries(from) || this.carries(to))) return undefined
    if (from.isUnion()) return first(from.types, (each) => this.mismatch(each, to, depth))
    const mine = this.of(from)
    if (isOpaque(to)) return mine === 'susp' || to.flags & ts.TypeFlags.Any ? 'lost' : undefined
    if (to.isUnion()) return this.#intoUnion(from, to, depth)
    const theirs = this.of(to)
    if (mine === 'any') return theirs === 'susp' ? 'gained' : undefined
    if (mine !== 'none' && theirs !== 'none' && mine !== theirs) return mine === 'susp' ? 'lost' : 'gained'
    return this.#within(from, to, depth + 1)
  }

  #intoUnion(from: ts.Type, to: ts.UnionType, depth: number): Mismatch | undefined {
    const fitting = to.types.filter((each) => this.#checker.isTypeAssignableTo(from, each))
    const results = (fitting.length > 0 ? fitting : to.types).map((each) => this.mismatch(from, each, depth))
    return results.includes(undefined) ? undefined : results[0]
  }

  #within(from: ts.Type, to: ts.Type, depth: number): Mismatch | undefined {
    const sameTarget = isReference(from) && isReference(to) && from.target === to.target
    if (sameTarget) {
      const mine = this.#checker.getTypeArguments(from)
      return first(this.#checker.getTypeArguments(to), (each, i) => mine[i] && this.mismatch(mine[i], each, depth))
    }
    return this.#signatureMismatch(from, to, depth)
      ?? this.#elementMismatch(from, to, depth)
      ?? this.#propertyMismatch(from, to, depth)
  }

  #signatureMismatch(from: ts.Type, to: ts.Type, depth: number): Mismatch | undefined {
    const [mine] = from.getCallSignatures()
    const [theirs] = to.getCallSignatures()
    if (mine === undefined || theirs === undefined) return undefined
    const given = this.#parameters(theirs)
    return this.mismatch(mine.getReturnType(), theirs.getReturnType(), depth)
      ?? first(this.#parameters(mine), (each, i) => given[i] && this.mismatch(given[i], each, depth))
  }

  #elementMismatch(from: ts.Type, to: ts.Type, depth: number): Mismatch | undefined {
    const mine = from.getNumberIndexType() ?? from.getStringIndexType()
    const theirs = to.getNumberIndexType() ?? to.getStringIndexType()
    return mine && theirs && this.mismatch(mine, theirs, depth)
  }

  #propertyMismatch(from: ts.Type, to: ts.Type, depth: number): Mismatch | undefined {
    if (isOfLibrary(to)) return undefined
    return first(to.getProperties(), (property) => {
      const mine = property.name === BRAND ? undefined : from.getProperty(property.name)
      return mine && this.mismatch(this.#checker.getTypeOfSymbol(mine), this.#checker.getTypeOfSymbol(property), depth)
    })
  }
}

function union(colours: readonly Colour[]): Colour {
  const real = new Set(colours.filter((each) => each !== 'none'))
  if (real.size === 0) return 'none'
  const [only = 'mixed'] = real
  return real.size === 1 ? only : 'mixed'
}

function first<T, R>(items: readonly T[], find: (item: T, index: number) => R | undefined): R | undefined {
  for (const [index, item] of items.entries()) {
    const found = find(item, index)
    if (found !== undefined) return found
  }
  return undefined
}

/** A type that says nothing of what may be called: any, unknown, object, {}, Function. */
function isOpaque(type: ts.Type): boolean {
  if (type.flags & (ts.TypeFlags.Any | ts.TypeFlags.Unknown | ts.TypeFlags.NonPrimitive)) return true
  if (!(type.flags & ts.TypeFlags.Object)) return false
  const isEmpty = type.getProperties().length === 0 && type.getCallSignatures().length === 0
  const isIndexed = type.getStringIndexType() !== undefined || type.getNumberIndexType() !== undefined
  return (isEmpty && !isIndexed) || (isOfLibrary(type) && ['Function', 'Object'].includes(type.symbol.name))
}

const isReference = (type: ts.Type): type is ts.TypeReference =>
  (type.flags & ts.TypeFlags.Object) !== 0 && ((type as ts.ObjectType).objectFlags & ts.ObjectFlags.Reference) !== 0

/** Declared by the language's own library: only its type arguments matter. */
function isOfLibrary(type: ts.Type): boolean {
  const declaration = (type.symbol as ts.Symbol | undefined)?.declarations?.[0]
  return declaration !== undefined && isLibraryFile(declaration.getSourceFile().fileName)
}
