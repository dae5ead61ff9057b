// SPDX-License-Identifier: MIT
/** The edits that let functions tell where they are and what their locals hold (see telling.ts). */
import ts from 'typescript'
import type { Edit } from './edits.js'
import { isFunctionNode, visitCode } from './functions.js'
import type { FunctionNode } from './functions.js'
import { tellingOf, type TellingPlace } from './telling.js'
import type { Suspension } from './suspends.js'

export interface TellingEdits {
  /** Before all others at their places, and behind all others. */
  readonly opening: readonly Edit[]
  readonly closing: readonly Edit[]
}

/** @param module what takes what is told */
export function tellingEdits(
  file: ts.SourceFile, checker: ts.TypeChecker, suspension: Suspension, module: string,
): TellingEdits {
  const opening: Edit[] = []
  const closing: Edit[] = []
  const insert = (edits: Edit[], at: number, text: string): void => { edits.push({ at, remove: 0, text, origin: at }) }
  const [frame, stepFrame, stepAt, stepOpaque] = freshNames(file, ['__frame', '__stepFrame', '__stepAt', '__stepOpaque'])
  let number = hashOf(file.text)
  const at = (locals: readonly string[]): string => {
    number = (number + 0x9e3779b1) | 0
    return `${frame} < 0 || ${stepAt}(${[frame, number, ...locals].join(', ')})`
  }
  const begin = ({ body }: FunctionNode, call: string, declared: string): void => {
    if (body === undefined) return
    if (ts.isBlock(body)) return insert(opening, body.getStart(file) + 1, ` ${declared}${call}();`)
    insert(opening, body.getStart(file), `${call}(), `)                      // behind `return (`
  }
  const tell = ({ node, locals }: TellingPlace): void => {
    const start = node.getStart(file)
    if (!isStatement(node)) {
      insert(opening, start, `(${at(locals)}, `)
      insert(closing, node.end, ')')
    } else if (isInList(node)) insert(opening, start, `;${at(locals)}; `)
    else {
      insert(opening, start, `{ ${at(locals)}; `)
      insert(closing, node.end, ' }')
    }
  }
  visitCode(file, (node) => {
    if (!isFunctionNode(node) || !suspension.reasons.has(node)) return
    const { isOpaque, places } = tellingOf(node, checker, suspension)
    if (isOpaque) begin(node, stepOpaque, '')
    else if (places.length > 0) begin(node, stepFrame, `const ${frame} = `)
    places.forEach(tell)
  })
  if (opening.length > 0) {
    const first = file.statements[0]?.getStart(file) ?? 0
    const imported = [['stepFrame', stepFrame], ['stepAt', stepAt], ['stepOpaque', stepOpaque]].map((pair) => pair.join(' as '))
    opening.unshift({ at: first, remove: 0, text: `import { ${imported.join(', ')} } from '${module}'; `, origin: first })
  }
  return { opening, closing }
}

const isStatement = (node: ts.Statement | ts.Expression): node is ts.Statement =>
  node.kind >= ts.SyntaxKind.FirstStatement && node.kind <= ts.SyntaxKind.LastStatement

export const isInList = (statement: ts.Statement): boolean =>
  ts.isBlock(statement.parent) || ts.isSourceFile(statement.parent) || ts.isCaseOrDefaultClause(statement.parent)
  || ts.isModuleBlock(statement.parent)

function freshNames<const N extends readonly string[]>(file: ts.SourceFile, names: N): { [K in keyof N]: string } {
  let mark = ''
  while (names.some((name) => file.text.includes(mark + name))) mark += '_'
  return names.map((name) => mark + name) as { [K in keyof N]: string }
}

/** FNV-1a: places have numbers that follow from the text alone. */
function hashOf(text: string): number {
  let hash = 0x811c9dc5
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193)
  return hash
}
