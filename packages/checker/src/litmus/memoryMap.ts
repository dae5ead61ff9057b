// SPDX-License-Identifier: MIT
/** What the words of a text program are, for drawings: loose words together, every array, locks as such. */
import { Op } from '../op.js'
import type { MemoryMap, WordPlace } from '../program.js'
import type { ProgramText } from './syntax.js'

/** The map of a program whose names lie at `words`. */
export function litmusMap(text: ProgramText, words: ReadonlyMap<string, number>): MemoryMap {
  const locks = new Set(text.contexts.flatMap(({ code }) => code.flatMap((statement) =>
    statement.kind === 'access' && statement.op === Op.Lock ? [statement.place?.name ?? ''] : [])))
  const found = new Map<number, WordPlace>()
  for (const [name, first] of words) {
    const size = text.arrays.get(name)
    const kind = locks.has(name) ? 'lock' : 'word'
    for (let i = 0; i < (size ?? 1); i++) {
      const place = size === undefined
        ? { object: 'words', address: 0, words: 0, field: name, kind } as const
        : { object: name, address: first, words: size, field: `[${i}]`, kind } as const
      found.set(first + i, place)
    }
  }
  return {
    blocks: [],
    locate: (address) => found.get(address),
    inBlock: (_, offset) => ({ object: 'block', field: `[${offset}]`, kind: 'word' }),
  }
}
