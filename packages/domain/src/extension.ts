// SPDX-License-Identifier: MIT
/**
 * Room that a record of this layer keeps for a layer above it. The layer above declares a struct, the record has a
 * constant offset for it, and boot checks that the one fits into the other.
 */
import { bug } from '@bottomhalf/base'
import { LINE_WORDS, type Field, type StructInfo } from '@bottomhalf/machine'

/** `n` words for a struct of a higher layer, on cache lines of their own. */
export function extension(n: number): Field {
  return { words: n, align: LINE_WORDS, kind: `extension[${n}]` }
}

/** Check, at boot, that `inner` fits into the `reserved` words of an `extension`. A BUG if not. */
export function checkExtension(inner: StructInfo, reserved: number): void {
  if (inner.sizeWords > reserved) bug(`${inner.structName} has ${inner.sizeWords} words, reserved are ${reserved}`)
  if (inner.alignWords > LINE_WORDS) bug(`${inner.structName} needs a larger alignment than its extension has`)
}
