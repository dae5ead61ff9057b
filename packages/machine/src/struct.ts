// SPDX-License-Identifier: MIT
/**
 * Structs: names for constant word offsets.
 *
 *     export const Timer = struct('Timer', { expiresNs: time, heapIndex: word, node: embed(ListHead) })
 *     ld(timer + Timer.heapIndex)
 *
 * A declaration makes a plain object of numbers; an access is an addition, which compilers fold. Debug names, sizes and
 * the table of all structs serve dumps, leak reports, the layout hash and the generated documentation.
 */
import { bug, hashString, roundUp } from '@bottomhalf/base'
import { LINE_WORDS } from './layout.js'

/** How a field lies: its words, its alignment, and what kind of thing it is for the layout table. */
export interface Field { readonly words: number, readonly align: number, readonly kind: string }

/** One 32-bit word. */
export const word: Field = { words: 1, align: 1, kind: 'word' }
/** A double of nanoseconds in two words; read and written with `ldTime`, `stTime`. */
export const time: Field = { words: 2, align: 2, kind: 'time' }
/** The id of a registered handler. */
export const handlerId: Field = { words: 1, align: 1, kind: 'handler' }
/** Ends the cache line: what follows shares no line with what stands before. */
export const lineBreak: Field = { words: 0, align: LINE_WORDS, kind: 'line' }

/** `n` words in a row. */
export function words(n: number): Field {
  return { words: n, align: 1, kind: `word[${n}]` }
}

/** The address of a struct of that name. */
export function ref(structName: string): Field {
  return { words: 1, align: 1, kind: `ref ${structName}` }
}

/** A struct within a struct. */
export function embed(inner: StructInfo): Field {
  return { words: inner.sizeWords, align: inner.alignWords, kind: inner.structName }
}

export interface FieldLayout {
  readonly name: string
  readonly offset: number
  readonly words: number
  readonly kind: string
}

export interface StructInfo {
  readonly structName: string
  readonly sizeWords: number
  readonly alignWords: number
  /** A number for the struct, the same in every thread; the `tag` of `xmalloc`. */
  readonly tag: number
  /** The tag of a block with several of them, one behind the other. */
  readonly arrayTag: number
  readonly fields: readonly FieldLayout[]
}

/** A struct: its field offsets, beside what is known of it. */
export type Struct<F extends Readonly<Record<string, Field>>> = StructInfo & { readonly [K in keyof F]: number }

const structs = new Map<string, StructInfo>()

/**
 * Declare a struct. Fields lie in the order given; group them by what protects them, and separate groups that different
 * CPUs write by a `lineBreak`.
 */
export function struct<F extends Readonly<Record<string, Field>>>(name: string, fields: F): Struct<F> {
  const info = layOut(name, fields)
  structs.set(name, info)
  return info
}

/** All structs declared in this thread, in order of name. */
export function declaredStructs(): StructInfo[] {
  return [...structs.values()].sort((a, b) => (a.structName < b.structName ? -1 : 1))
}

/** The name behind a `tag`, for leak reports. */
export function structNameOfTag(tag: number): string {
  for (const { structName, tag: one, arrayTag } of structs.values()) {
    if (one === tag) return structName
    if (arrayTag === tag) return `${structName}[]`
  }
  return tag === 0 ? 'untagged' : `tag ${tag}`
}

/** What stands in words that a struct reserves, by struct and field. */
const extensions = new Map<string, Extension>()

/** A struct of a higher layer in a field of a lower one, from word `at` of the field on. */
export interface Extension { readonly inner: StructInfo, readonly at: number }

/**
 * Say, at boot, which struct lies in the words that `field` of `owner` reserves: names of words go through it.
 * A BUG if it does not fit.
 */
export function extend(owner: StructInfo, field: string, inner: StructInfo, at = 0): void {
  const found = owner.fields.find(({ name }) => name === field)
  if (found === undefined) return bug(`${owner.structName} has no field ${field} for ${inner.structName}`)
  const room = found.words - at
  if (inner.sizeWords > room) bug(`${inner.structName} has ${inner.sizeWords} words, ${owner.structName}.${field} has ${room}`)
  if ((found.offset + at) % inner.alignWords !== 0) bug(`${inner.structName} is not aligned in ${owner.structName}.${field}`)
  extensions.set(`${owner.structName}.${field}`, { inner, at })
}

/** What was said to lie in a field. */
export function extensionOf(owner: StructInfo, field: string): Extension | undefined {
  return extensions.get(`${owner.structName}.${field}`)
}

const reserved = new Set(['structName', 'sizeWords', 'alignWords', 'tag', 'arrayTag', 'fields', 'base'])

/** Compute offsets without entering the struct into the table (areas have a table of their own). */
export function layOut<F extends Readonly<Record<string, Field>>>(name: string, fields: F): Struct<F> {
  const offsets: Record<string, number> = {}
  const layout: FieldLayout[] = []
  let offset = 0
  let alignWords = 1
  for (const [field, { words: size, align, kind }] of Object.entries(fields)) {
    if (reserved.has(field)) bug(`struct ${name}: the field name ${field} is reserved`)
    offset = roundUp(offset, align)
    alignWords = Math.max(alignWords, align)
    offsets[field] = offset
    layout.push({ name: field, offset, words: size, kind })
    offset += size
  }
  const sizeWords = roundUp(Math.max(offset, 1), alignWords)
  const tags = { tag: hashString(name) | 0, arrayTag: hashString(`${name}[]`) | 0 }
  const info: StructInfo = { structName: name, sizeWords, alignWords, ...tags, fields: layout }
  return { ...info, ...offsets } as Struct<F>
}

/** A text that is equal in two threads only if their struct layouts are. */
export function describeLayout(info: StructInfo): string {
  return `${info.structName}{${info.fields.map((f) => `${f.name}@${f.offset}:${f.kind}`).join(',')}}${info.sizeWords}`
}
