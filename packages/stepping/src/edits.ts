// SPDX-License-Identifier: MIT
/**
 * Text edits with a source map in which every character of the output has an origin.
 *
 * What is inserted points to the place that it stands for, so an error thrown inside a `yield*` is shown at the call
 * that it replaced. (magic-string leaves inserted text without a place.)
 */
import { encode } from '@jridgewell/sourcemap-codec'
import type { SourceMapSegment } from '@jridgewell/sourcemap-codec'

export interface Edit {
  readonly at: number
  /** Characters of the original that go. */
  readonly remove: number
  readonly text: string
  /** The place in the original that the new text stands for. */
  readonly origin: number
}

export interface SourceMapV3 {
  readonly version: 3
  readonly file: string
  readonly sources: string[]
  readonly sourcesContent: string[]
  readonly names: string[]
  readonly mappings: string
}

export interface Edited { readonly code: string, readonly map: SourceMapV3 }

/** Apply edits; those at one place in the order given. */
export function applyEdits(source: string, edits: readonly Edit[], fileName: string): Edited {
  const writer = new Writer(source)
  let at = 0
  for (const edit of [...edits].sort((a, b) => a.at - b.at)) {
    writer.original(at, edit.at)
    writer.inserted(edit.text, edit.origin)
    at = edit.at + edit.remove
  }
  writer.original(at, source.length)
  const mappings = encode(writer.lines)
  const map: SourceMapV3 = {
    version: 3, file: fileName, sources: [fileName], sourcesContent: [source], names: [], mappings,
  }
  return { code: writer.code, map }
}

class Writer {
  code = ''
  readonly lines: SourceMapSegment[][] = [[]]
  readonly #source: string
  readonly #lineStarts: number[]
  #column = 0

  constructor(source: string) {
    this.#source = source
    this.#lineStarts = [0, ...[...source.matchAll(/\n/g)].map((match) => match.index + 1)]
  }

  /** Copy a stretch of the source, one segment per word and sign. */
  original(from: number, to: number): void {
    for (const { 0: token, index } of this.#source.slice(from, to).matchAll(/[\w$]+|[^\S\n]+|\n|[^\w\s]/g)) {
      this.#segment(from + index)
      this.#write(token)
    }
  }

  inserted(text: string, origin: number): void {
    this.#segment(origin)
    this.#write(text)
  }

  #segment(origin: number): void {
    const line = this.#lineOf(origin)
    const start = this.#lineStarts[line] ?? 0
    this.lines.at(-1)?.push([this.#column, 0, line, origin - start])
  }

  #write(text: string): void {
    this.code += text
    this.#column += text.length
    if (text !== '\n') return
    this.lines.push([])
    this.#column = 0
  }

  #lineOf(position: number): number {
    let low = 0
    let high = this.#lineStarts.length
    while (high - low > 1) {
      const middle = (low + high) >> 1
      if ((this.#lineStarts[middle] ?? 0) <= position) low = middle
      else high = middle
    }
    return low
  }
}

/** A map as the comment that tools read from the end of a file. */
export const inlineMap = (map: SourceMapV3): string =>
  `\n//# sourceMappingURL=data:application/json;base64,${Buffer.from(JSON.stringify(map)).toString('base64')}\n`
