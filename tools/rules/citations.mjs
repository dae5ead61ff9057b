// SPDX-License-Identifier: MIT
/**
 * What the names of tests cite: every call of `test` or `it` in the test folders, with its file, its name and the names of
 * its groups.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import ts from 'typescript'
import { folderOf, presentNames, root } from '../layers.mjs'

const isTestFile = (file) => /\.(ts|mjs)$/.test(file) && !file.endsWith('.d.ts')

function testFiles() {
  const folders = [...presentNames().sort().map((name) => join(folderOf(name), 'test')), 'tools/test']
  return folders.flatMap((folder) => filesBelow(join(root, folder)))
}

function filesBelow(folder) {
  try {
    return readdirSync(folder, { recursive: true })
      .filter((file) => isTestFile(file) && !file.split('/').includes('fixtures'))
      .sort().map((file) => relative(root, join(folder, file)))
  } catch (error) {
    if (error.code === 'ENOENT') return []
    throw error
  }
}

/** The identifier that a call begins with: `test` of `test.each(rows)(name, ...)`. */
function head(expression) {
  if (ts.isCallExpression(expression) || ts.isPropertyAccessExpression(expression)) return head(expression.expression)
  if (ts.isTaggedTemplateExpression(expression)) return head(expression.tag)
  return ts.isIdentifier(expression) ? expression.text : ''
}

/** A name as it is written; what is filled in later is an ellipsis. */
function nameOf(node) {
  if (node === undefined) return undefined
  if (ts.isStringLiteralLike(node)) return node.text
  if (!ts.isTemplateExpression(node)) return undefined
  return node.head.text + node.templateSpans.map((span) => `…${span.literal.text}`).join('')
}

/** The names of the tests in a source text, each behind the names of the groups that it stands in. */
export function testNames(file, text) {
  const names = []
  const visit = (node, groups) => {
    const [kind, name] = ts.isCallExpression(node) ? [head(node.expression), nameOf(node.arguments[0])] : []
    if (name !== undefined && ['test', 'it'].includes(kind)) names.push([...groups, name].join(' › '))
    const inside = name !== undefined && kind === 'describe' ? [...groups, name] : groups
    ts.forEachChild(node, (child) => { visit(child, inside) })
  }
  visit(ts.createSourceFile(file, text, ts.ScriptTarget.Latest, false), [])
  return names
}

/** Every test of the repository: `{ file, name }`, in order of files. */
export function allTests() {
  return testFiles().flatMap((file) =>
    testNames(file, readFileSync(join(root, file), 'utf8')).map((name) => ({ file, name })))
}

/** Whether a name cites an id as a word of its own: `I1` is not in `I10`, nor `DP-1` in `DP-14`. */
export function cites(name, id) {
  return new RegExp(`(?<![\\w-])${id}(?![\\w-])`).test(name)
}
