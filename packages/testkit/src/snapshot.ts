// SPDX-License-Identifier: MIT
/** The used part of a memory, copied and put back. */
import { HeapHeader } from '@bottomhalf/machine/engine'

export type WordsSnapshot = Int32Array

/** Copy everything up to the end of what the heap ever carved. */
export function snapshotWords(words: Int32Array): WordsSnapshot {
  return words.slice(0, words[HeapHeader.bump] ?? 0)
}

/** Put a copy back; what was used since is zero again. */
export function restoreWords(words: Int32Array, snapshot: WordsSnapshot): void {
  const used = words[HeapHeader.bump] ?? 0
  words.set(snapshot)
  if (used > snapshot.length) words.fill(0, snapshot.length, used)
}
