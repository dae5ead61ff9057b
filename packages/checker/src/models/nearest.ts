// SPDX-License-Identifier: MIT
/** What somebody who mistyped a name may have meant. */

/** `; did you mean NAME?` for the nearest name that is near enough, else ''. */
export function didYouMean(asked: string, names: readonly string[]): string {
  const ranked = names.map((name) => ({ name, far: distance(asked.toLowerCase(), name.toLowerCase()) }))
  const best = ranked.sort((a, b) => a.far - b.far)[0]
  return best !== undefined && best.far <= Math.max(1, best.name.length / 3) ? `; did you mean ${best.name}?` : ''
}

/** Letters to put in, take out or replace to get from one word to the other. */
function distance(from: string, to: string): number {
  let row = Array.from({ length: to.length + 1 }, (_, j) => j)
  for (let i = 1; i <= from.length; i++) {
    const next = [i]
    for (let j = 1; j <= to.length; j++) {
      const replace = row[j - 1]! + (from[i - 1] === to[j - 1] ? 0 : 1)
      next.push(Math.min(replace, row[j]! + 1, next[j - 1]! + 1))
    }
    row = next
  }
  return row[to.length]!
}
