// SPDX-License-Identifier: MIT
/** Maps: everything in the output has its place in the source, also what was inserted, also after bundling. */
import { SourceMap } from 'node:module'
import { join } from 'node:path'
import { build } from 'esbuild'
import fc from 'fast-check'
import ts from 'typescript'
import { expect, test } from 'vitest'
import { steppedEsbuild } from '../src/index.js'
import { body, moduleOf } from './programs.js'
import { packageWith, PRELUDE, transform } from './support.js'

const accesses = new Set(['ld', 'st', 'add', 'cas'])
const suspending = new Set(['helper', 'call', 'twice', 'each', 'one', 'two'])

const parse = (text: string): ts.SourceFile => ts.createSourceFile('x.ts', text, ts.ScriptTarget.ES2022, true)

function nodesOf(file: ts.SourceFile): ts.Node[] {
  const nodes: ts.Node[] = []
  const visit = (node: ts.Node): void => {
    nodes.push(node)
    ts.forEachChild(node, visit)
  }
  visit(file)
  return nodes
}

const nameOf = ({ expression }: ts.CallExpression): string =>
  ts.isPropertyAccessExpression(expression) ? expression.name.text : expression.getText()

const placeIn = (file: ts.SourceFile, position: number): string => {
  const { line, character } = file.getLineAndCharacterOfPosition(position)
  return `${line}:${character}`
}

/** Starts of the calls of `names`, in order. */
const callsOf = (file: ts.SourceFile, names: ReadonlySet<string>): string[] => nodesOf(file)
  .filter(ts.isCallExpression).filter((call) => names.has(nameOf(call)))
  .map((call) => placeIn(file, call.getStart()))

test('in random programs every step and every delegation maps to the start of its call', () => {
  const source = PRELUDE + moduleOf(fc.sample(body, { seed: 3, numRuns: 20 }))
  const { files, diagnostics } = transform({ 'src/index.ts': source })
  expect(diagnostics).toEqual([])
  const [edited] = [...files.values()]
  const original = parse(source)
  const output = parse(edited?.code ?? '')
  const map = new SourceMap({ ...edited!.map, file: 'x.ts', sourceRoot: '' })
  const sourceOf = (node: ts.Node): string => {
    const { line, character } = output.getLineAndCharacterOfPosition(node.getStart())
    const entry = map.findEntry(line, character)
    return 'originalLine' in entry ? `${entry.originalLine}:${entry.originalColumn}` : 'nowhere'
  }
  const nodes = nodesOf(output)
  const steps = nodes.filter(ts.isConditionalExpression).filter(({ whenTrue }) => ts.isYieldExpression(whenTrue))
  const delegations = nodes.filter(ts.isYieldExpression).filter((each) => each.asteriskToken !== undefined)
  expect(steps.length).toBeGreaterThan(100)
  expect(delegations.length).toBeGreaterThan(50)
  const expected = callsOf(original, accesses)
  expect(steps.map((each) => sourceOf(each.condition)).sort()).toEqual([...expected].sort())
  expect(steps.map((each) => sourceOf(each.whenTrue)).sort()).toEqual([...expected].sort())
  expect(steps.map((each) => sourceOf(each.whenFalse)).sort()).toEqual([...expected].sort())
  const delegated = new Set(delegations.map(sourceOf))
  for (const place of callsOf(original, suspending)) expect(delegated).toContain(place)
  for (const each of nodes.filter(ts.isIdentifier)) {
    const text = each.text
    if (text === '__stepResult' || text === 'stepResult') continue
    const [line = 0, column = 0] = sourceOf(each).split(':').map(Number)
    expect(source.split('\n')[line]?.slice(column, column + text.length)).toBe(text)
  }
})

const deep = `${PRELUDE}

export function outer(p: number): number {
  const first = ld(p)
  return first + middle(p)
}

const middle = (p: number): number =>
  1 + inner(p, () => ld(p) + 1)

function inner(p: number, fn: Susp<() => number>): number {
  const x = fn()
  st(p, x)
  if (x > 0) throw new Error('here')
  return x
}
`

test('a stack from a bundle of the stepped form leads to the lines and columns of the source', async () => {
  const root = packageWith({
    'src/index.ts': `export { drive } from '@fixture/machine'\nexport * from './subject.js'\n`, 'src/subject.ts': deep,
  })
  const frames: Record<string, string[]> = {}
  for (const side of ['native', 'stepped']) {
    const { outputFiles } = await build({
      absWorkingDir: root, outdir: join(root, 'out'), write: false, entryPoints: ['src/index.ts'],
      bundle: true, format: 'esm', sourcemap: 'external', minify: true,
      conditions: side === 'stepped' ? ['stepped'] : [],
      plugins: side === 'stepped' ? [steppedEsbuild({ mechanism: false })] : [],
    })
    const [mapFile, code] = outputFiles
    const url = `data:text/javascript;base64,${Buffer.from(code?.text ?? '').toString('base64')}`
    const { drive, outer } = await import(url) as { drive: (fn: unknown, p: number) => unknown, outer: unknown }
    frames[side] = framesOf(() => drive(outer, 3), new SourceMap(JSON.parse(mapFile?.text ?? '') as never))
  }
  expect(frames['native']).toEqual(['subject.ts:14:20', 'subject.ts:9:7', 'subject.ts:5:18'])
  expect(frames['stepped']).toEqual(frames['native'])
})

/** Where the frames of a thrown error stand in the package's own sources. */
function framesOf(action: () => unknown, map: SourceMap): string[] {
  try {
    action()
  } catch (error) {
    const places = [...String((error as Error).stack).matchAll(/base64,[^:]*:(\d+):(\d+)/g)]
    const entries = places.map(([, line, column]) => map.findEntry(Number(line) - 1, Number(column) - 1))
    return entries.flatMap((entry) => {
      if (!('originalSource' in entry) || !entry.originalSource.endsWith('subject.ts')) return []
      return [`subject.ts:${entry.originalLine + 1}:${entry.originalColumn + 1}`]
    })
  }
  return []
}
