// SPDX-License-Identifier: MIT
/** What the build refuses: rule, place, what was found there, and what to write instead. */
import { relative } from 'node:path'
import type ts from 'typescript'
import type { RuleId } from './rules.js'
import { rules } from './rules.js'

export interface Diagnostic {
  readonly rule: RuleId
  /** Absolute path. */
  readonly file: string
  /** From 1. */
  readonly line: number
  /** From 1, in UTF-16 units. */
  readonly column: number
  /** Of the offending text, cut at the end of its first line. */
  readonly length: number
  readonly lineText: string
  readonly found: string
  readonly instead: string
}

export type Report = (rule: RuleId, node: ts.Node, found: string, instead?: string) => void

/** Collect reports; one rule speaks once per place. */
export function collector(): { readonly report: Report, readonly diagnostics: Diagnostic[] } {
  const diagnostics: Diagnostic[] = []
  const seen = new Set<string>()
  const report: Report = (rule, node, found, instead = rules[rule].instead) => {
    const file = node.getSourceFile()
    const start = node.getStart(file)
    const key = `${rule} ${start} ${file.fileName}`
    if (seen.has(key)) return
    seen.add(key)
    diagnostics.push(diagnosticAt(file, start, node.getEnd(), { rule, found, instead }))
  }
  return { report, diagnostics }
}

type What = Pick<Diagnostic, 'rule' | 'found' | 'instead'>

export function diagnosticAt(file: ts.SourceFile, start: number, end: number, what: What): Diagnostic {
  const { line, character } = file.getLineAndCharacterOfPosition(start)
  const lineStart = file.getPositionOfLineAndCharacter(line, 0)
  const lineText = file.text.slice(lineStart, file.getLineEndOfPosition(start))
  const length = Math.max(1, Math.min(end - start, lineText.length - character))
  return { ...what, file: file.fileName, line: line + 1, column: character + 1, length, lineText }
}

/** By file and place, the order in which people read. */
export function inReadingOrder(diagnostics: readonly Diagnostic[]): Diagnostic[] {
  const byPlace = (a: Diagnostic, b: Diagnostic): number => a.line - b.line || a.column - b.column
  return [...diagnostics].sort((a, b) => (a.file === b.file ? byPlace(a, b) : a.file < b.file ? -1 : 1))
}

/** `src/a.ts:3:7: STEP-2: a constructor ...; write ... instead`, the path relative to `from`. */
export function formatDiagnostic(diagnostic: Diagnostic, from: string): string {
  const { file, line, column } = diagnostic
  return `${relative(from, file)}:${line}:${column}: ${diagnosticText(diagnostic)}`
}

export const diagnosticText = ({ rule, found, instead }: Diagnostic): string => `${rule}: ${found}; ${instead}`

/** `list.ts:3:7`, for use inside messages. */
export function placeOf(node: ts.Node): string {
  const file = node.getSourceFile()
  const { line, character } = file.getLineAndCharacterOfPosition(node.getStart(file))
  return `${file.fileName.slice(file.fileName.lastIndexOf('/') + 1)}:${line + 1}:${character + 1}`
}
