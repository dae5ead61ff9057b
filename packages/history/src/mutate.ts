// SPDX-License-Identifier: MIT
/**
 * Mutants of a source, made from its labels: a line that keeps an invariant says which in a comment at its end, and what
 * stands there is switched off.
 *
 *     if ((before & SCHED) === 0) getDomain(d)      // P2        off: the statement is gone; unguarded: it is always done
 *     const next = unlink(record)                   // P5        off: `next` is 0, and nothing was called
 *     return isActive(record)                       // P1        off: it returns 0
 *
 * MU1  One mutant alters one statement of a labelled line, and nothing else.
 */
import type TypeScript from 'typescript'

type Compiler = typeof TypeScript

export interface Mutant {
  readonly line: number
  readonly labels: readonly string[]
  /** off: the statement does nothing. unguarded: an `if` does what it would do, whatever is so. */
  readonly what: 'off' | 'unguarded'
  /** The function in which it stands; '' if it is in none. */
  readonly where: string
  /** The line as it was, without its comment. */
  readonly statement: string
  /** The whole source, altered. */
  readonly text: string
}

const LABELLED = /^(.*\S)\s+\/\/ ([A-Z]+-?\d+(?:, [A-Z]+-?\d+)*)(?:$|:)/

/** The mutants of a source, in order of lines. */
export function mutantsOf(text: string, ts: Compiler): Mutant[] {
  const source = ts.createSourceFile('form.ts', text, ts.ScriptTarget.Latest, true)
  return text.split('\n').flatMap((row, i) => {
    const [, statement = '', labels = ''] = LABELLED.exec(row) ?? []
    if (labels === '') return []
    const start = source.getPositionOfLineAndCharacter(i, row.length - row.trimStart().length)
    const node = statementAt(source, start, ts)
    if (node === undefined) return []
    return alterations(node, ts).map(({ what, from, to, by }): Mutant => ({
      line: i + 1, labels: labels.split(', '), what, where: functionAround(node, ts), statement: statement.trim(),
      text: `${text.slice(0, from)}${by}${text.slice(to)}`,
    }))
  })
}

/** The outermost statement that begins at a position. */
function statementAt(source: TypeScript.SourceFile, start: number, ts: Compiler): TypeScript.Statement | undefined {
  const find = (node: TypeScript.Node): TypeScript.Statement | undefined => {
    if (node.getStart(source) === start && isStatement(node, ts)) return node
    return start < node.getFullStart() || start >= node.getEnd() ? undefined : ts.forEachChild(node, find)
  }
  return ts.forEachChild(source, find)
}

function isStatement(node: TypeScript.Node, ts: Compiler): node is TypeScript.Statement {
  return ts.isStatement(node) && !ts.isFunctionDeclaration(node) && !ts.isBlock(node)
}

function functionAround(node: TypeScript.Node, ts: Compiler): string {
  if (ts.isFunctionDeclaration(node)) return node.name?.text ?? ''
  return ts.isSourceFile(node) ? '' : functionAround(node.parent, ts)
}

interface Alteration { readonly what: Mutant['what'], readonly from: number, readonly to: number, readonly by: string }

function alterations(node: TypeScript.Statement, ts: Compiler): Alteration[] {
  const replaced = (what: Mutant['what'], part: TypeScript.Node, by: string): Alteration =>
    ({ what, from: part.getStart(), to: part.getEnd(), by })
  if (ts.isIfStatement(node)) return [replaced('off', node, ';'), replaced('unguarded', node.expression, 'true')]
  if (ts.isReturnStatement(node) && node.expression !== undefined) return [replaced('off', node.expression, '0 as never')]
  if (!ts.isVariableStatement(node)) return [replaced('off', node, ';')]
  const [{ initializer } = { initializer: undefined }] = node.declarationList.declarations
  return initializer === undefined ? [] : [replaced('off', initializer, '0')]
}
