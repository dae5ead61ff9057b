// SPDX-License-Identifier: MIT
/**
 * Looks which parts a search will ask for next: it searches on as if the parts that are not known asked for nothing, and
 * goes back to where it was.
 *
 * LA1  The search is afterwards where it was before: it does not know that somebody looked.
 */
import type { Run } from '../run.js'
import { Search, type Explored } from '../search.js'
import type { Splittable } from '../strategies/strategy.js'
import type { Subtree } from './subtree.js'

/** What there is to know of a part: what it asks for at the states above it, or null. */
export type Known = (subtree: Subtree) => readonly number[] | null

/** Up to `most` parts that are not known, in the order in which the search will come to them. */
export function lookAhead(
  run: Run, strategy: Splittable, partHere: () => Subtree | null, known: Known, most: number,
): Subtree[] {
  const { session, session: { executor }, footprints } = run
  const path = [...executor.trace.label.subarray(0, executor.depth)]
  const saved = strategy.save()
  const unknown: Subtree[] = []
  const explored = (): Explored => {
    const part = partHere()
    if (part === null) return 'here'
    const asked = known(part)
    if (asked === null) unknown.push(part)
    else strategy.ask(asked)
    return 'elsewhere'
  }
  if (footprints !== null) footprints.learns = false
  new Search(session, strategy, { ended: () => false, pause: () => unknown.length >= most, explored }).run()
  executor.back(0)
  path.forEach((label, d) => {
    if (d === path.length - 1) strategy.restore(saved)                    // LA1: the last step finds what it found
    session.step(label)
    strategy.stepped()
  })
  if (footprints !== null) footprints.learns = true
  return unknown
}
