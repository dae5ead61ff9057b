// SPDX-License-Identifier: MIT
/** The sources that an execution runs through, as far as they can be read, and the part of each that is worth showing. */
import type { CodePlace } from '@bottomhalf/checker'
import type { PlayerPlace, PlayerRule, PlayerSource } from './data.js'
import { originalOf } from './originals.js'
import { rulesAt } from './rules.js'

/** Finds a source by the file that a place names; '' is the text that the program was compiled from. */
export type ReadSource = (file: string) => { readonly name: string, readonly text: string } | undefined

/** Lines kept around the lines that are shown. */
const AROUND = 12

interface Source { readonly name: string, readonly lines: readonly string[], first: number, last: number }

export class Sources {
  private readonly read: ReadSource
  private readonly files = new Map<string, number>()
  private readonly sources: Source[] = []

  constructor(read: ReadSource) {
    this.read = read
  }

  /** A place by the number of its source. */
  place({ file, line, where }: CodePlace): PlayerPlace {
    const index = this.files.get(file) ?? this.add(file)
    const source = this.sources[index]
    if (source !== undefined) {
      source.first = Math.min(source.first, line)
      source.last = Math.max(source.last, line)
    }
    const original = originalOf(where)
    return { source: index, line, where, ...original === undefined ? {} : { original } }
  }

  /** The rules at the innermost place that has some. */
  rules(places: readonly PlayerPlace[]): PlayerRule[] {
    for (const { source, line } of places) {
      const rules = rulesAt(this.sources[source]?.lines ?? [], line)
      if (rules.length > 0) return rules
    }
    return []
  }

  /** What was shown of each. */
  shown(): PlayerSource[] {
    return this.sources.map(({ name, lines, first, last }) => {
      const from = Math.max(1, first - AROUND)
      return { name, firstLine: from, lines: lines.slice(from - 1, last + AROUND) }
    })
  }

  private add(file: string): number {
    const { name = file, text = '' } = this.read(file) ?? {}
    const lines = text === '' ? [] : text.replace(/\n$/, '').split('\n')
    this.sources.push({ name, lines, first: Infinity, last: 0 })
    this.files.set(file, this.sources.length - 1)
    return this.sources.length - 1
  }
}
