// SPDX-License-Identifier: MIT
/**
 * The rules that stand at a line of source: the labels in its comment, each with what the head of the file says of it.
 *
 * A label is like `S1`, `DP-7` or `I4`. A line without a comment has the labels of the comment right above it; a line
 * without either has none.
 */
import type { PlayerRule } from './data.js'

const LABEL = /\b[A-Z]{1,4}-?\d{1,3}\b/g
const COMMENT = /(?:\/\/|#)\s*(.*)$/

/** Rules of line `line` (the first is 1) of a source. */
export function rulesAt(lines: readonly string[], line: number): PlayerRule[] {
  const comment = commentAt(lines, line)
  const labels = [...new Set(comment.match(LABEL) ?? [])]
  return labels.map((label) => ({ label, text: definitionOf(lines, label) ?? withoutLabel(comment, label) }))
}

function withoutLabel(comment: string, label: string): string {
  return comment.startsWith(label) ? comment.slice(label.length).replace(/^:?\s+/, '') : comment
}

function commentAt(lines: readonly string[], line: number): string {
  const own = COMMENT.exec(lines[line - 1] ?? '')?.[1]
  if (own !== undefined) return own
  const above = lines[line - 2] ?? ''
  return /^\s*(?:\/\/|#)/.test(above) ? COMMENT.exec(above)?.[1] ?? '' : ''
}

/** `S1  A bit is cleared ...` in the head of the file, with the lines that go on below it. */
function definitionOf(lines: readonly string[], label: string): string | undefined {
  const head = new RegExp(`^\\s*(?:\\*|//|#)?\\s*${label}\\s\\s+(\\S.*)$`)
  const at = lines.findIndex((text) => head.test(text))
  if (at < 0) return undefined
  const text = [head.exec(lines[at] ?? '')?.[1] ?? '']
  for (let next = at + 1; next < lines.length; next++) {
    const more = /^\s*(?:\*|\/\/|#)?\s{4,}(\S.*)$/.exec(lines[next] ?? '')?.[1]
    if (more === undefined) break
    text.push(more)
  }
  return text.join(' ')
}
