// SPDX-License-Identifier: MIT
/**
 * The stepped form of one file, as edits of its text: types and everything else stay as they were written.
 *
 *     ld(p)             (ld(p) ? yield : __stepResult())
 *     f(x)              (yield* f(x))
 *     function f        function* f
 *     (x) => e          (function* (x) { return (e) })
 *     m(x) { }          *m(x) { }
 *
 * and, for searches that want to know states again (see telling.ts), before what may suspend:
 *
 *     { s1; s2 }        { const __frame = __stepFrame(); s1; __frame < 0 || __stepAt(__frame, 17, a, b); s2 }
 *     while (c)         while ((__frame < 0 || __stepAt(__frame, 18, a, b), c))
 *
 * E1  Arguments stay where they are, so the order of evaluation does.
 * E2  A statement that would now begin with `(` gets a `;` before it, but only in a list of statements: sources end
 *     lines without semicolons, and anywhere else an empty statement would take its place.
 * E3  A statement or field that ended with the body of an arrow gets a `;` behind it: nothing could continue an arrow,
 *     but a line that begins with `(` or `[` would continue what takes its place.
 * E4  No line is added or taken: imports join the first line.
 *
 * Leaves (functions that only step, and call nothing that suspends) could be written into their callers here; measured
 * on a hand-made form, that doubles the speed of long runs at most.
 */
import ts from 'typescript'
import type { Edit } from './edits.js'
import { importPath } from './externals.js'
import type { External, MachineModule } from './externals.js'
import { isFunctionNode } from './functions.js'
import type { FunctionNode } from './functions.js'
import type { Suspension } from './suspends.js'
import { isInList } from './tellingEdits.js'

interface Names { readonly of: (external: External) => string, readonly imports: () => string }

export function editsOf(file: ts.SourceFile, suspension: Suspension): Edit[] {
  const edits: Edit[] = []
  const arrowEnds = new Set<number>()
  const names = resultNames(file)
  const insert = (at: number, text: string, origin: number): void => { edits.push({ at, remove: 0, text, origin }) }
  const visit = (node: ts.Node): void => {
    if (ts.isTypeNode(node) && !ts.isExpressionWithTypeArguments(node)) return
    const from = edits.length
    if (ts.isCallExpression(node)) editCall(node)
    else if (isFunctionNode(node) && suspension.reasons.has(node) && node.body !== undefined) editFunction(node)
    else ts.forEachChild(node, visit)
    if (ts.isExpressionStatement(node) && isInList(node)) guardStart(node, from)
    if (ts.isStatement(node) || ts.isPropertyDeclaration(node)) guardEnd(node)
  }
  const editCall = (call: ts.CallExpression): void => {
    const target = suspension.targetOf(call)
    const start = call.getStart(file)
    const [before, after] = target === undefined ? [] : target.kind === 'access'
      ? ['(', ` ? yield : ${names.of(target.external)}())`] : ['(yield* ', ')']
    if (before !== undefined) insert(start, before, start)
    ts.forEachChild(call, visit)
    if (after !== undefined) insert(call.end, after, start)
  }
  const editFunction = (fn: FunctionNode): void => {
    if (ts.isArrowFunction(fn)) editArrow(fn)
    else {
      star(fn)
      ts.forEachChild(fn, visit)
    }
  }
  const star = (fn: Exclude<FunctionNode, ts.ArrowFunction>): void => {
    if (ts.isMethodDeclaration(fn)) {
      const at = fn.name.getStart(file)
      const followsField = ts.isClassLike(fn.parent) && fn.getStart(file) === at
      insert(at, followsField ? ';*' : '*', at)
      return
    }
    const keyword = fn.getChildren(file).find((child) => child.kind === ts.SyntaxKind.FunctionKeyword)
    insert(keyword?.end ?? fn.getStart(file), '*', fn.getStart(file))
  }
  const editArrow = (arrow: ts.ArrowFunction): void => {
    const start = arrow.getStart(file)
    const parameter = arrow.parameters.at(0)
    const isBareParameter = parameter?.getStart(file) === start
    insert(start, isBareParameter ? '(function* (' : '(function* ', start)
    arrow.parameters.forEach(visit)
    if (isBareParameter) insert(parameter.end, ')', parameter.end)
    const sign = arrow.equalsGreaterThanToken.getStart(file)
    const [open, close] = ts.isBlock(arrow.body) ? ['', ')'] : ['{ return (', ') })']
    arrowEnds.add(arrow.end)
    edits.push({ at: sign, remove: 2, text: open, origin: sign })
    visit(arrow.body)
    insert(arrow.end, close, arrow.end)
  }
  const guardStart = (statement: ts.ExpressionStatement, from: number): void => {
    const at = statement.getStart(file)
    const opens = edits.slice(from).some((edit) => edit.at === at && edit.text.startsWith('('))
    if (opens) edits.splice(from, 0, { at, remove: 0, text: ';', origin: at })
  }
  const guardEnd = ({ end }: ts.Node): void => {
    if (arrowEnds.delete(end)) insert(end, ';', end)
  }
  visit(file)
  const imports = names.imports()
  if (imports !== '') edits.unshift({ at: importPlace(file), remove: 0, text: imports, origin: importPlace(file) })
  return edits
}

/** Imports go before the first statement, on its line: in front of it nothing but comments can stand. */
const importPlace = (file: ts.SourceFile): number => file.statements[0]?.getStart(file) ?? 0

/** The names under which this file imports `stepResult`, one per machine. */
function resultNames(file: ts.SourceFile): Names {
  const byPath = new Map<string, string>()
  const fresh = (): string => {
    let name = byPath.size === 0 ? '__stepResult' : `__stepResult${byPath.size + 1}`
    while (file.text.includes(name)) name = `_${name}`
    return name
  }
  const nameFor = (machine: MachineModule): string => {
    const path = importPath(machine, file.fileName)
    const name = byPath.get(path) ?? fresh()
    byPath.set(path, name)
    return name
  }
  const imports = (): string =>
    [...byPath].map(([path, name]) => `import { stepResult as ${name} } from '${path}'; `).join('')
  return { of: (external) => nameFor(external.machine), imports }
}
