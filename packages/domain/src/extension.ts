// SPDX-License-Identifier: MIT
/**
 * Room that a record of this layer keeps for a layer above it. The layer above declares a struct, the record has a
 * constant offset for it, and `extend` of the machine checks at boot that the one fits into the other.
 */
import { LINE_WORDS, type Field } from '@bottomhalf/machine'

/** `n` words for a struct of a higher layer, on cache lines of their own. */
export function extension(n: number): Field {
  return { words: n, align: LINE_WORDS, kind: `extension[${n}]` }
}
