// SPDX-License-Identifier: MIT
/** Every rule of ours fires where it must, and lets its twin pass. Sources are linted as if they stood in `file`. */
import { join } from 'node:path'
import { ESLint } from 'eslint'
import { expect, test } from 'vitest'
import { root } from '../layers.mjs'

// The project service types one package at a time: quicker than the whole tree for a few lines.
const parserOptions = { project: null, projectService: true }
const eslint = new ESLint({ cwd: root, overrideConfig: { files: ['**/*.ts'], languageOptions: { parserOptions } } })

const mechanism = 'packages/spinlock/src/index.ts'
const machine = 'packages/machine/src/index.ts'
const tool = 'packages/trace/src/index.ts'
const testFile = 'tools/test/any.test.mjs'
const config = 'packages/list/vitest.config.ts'

async function rulesOf(file, code) {
  const [result] = await eslint.lintText(code, { filePath: join(root, file) })
  return result.messages.map((message) => message.ruleId ?? message.message)
}

const errno = `import type { Errno } from '@bottomhalf/base'
declare function bind(): Errno
declare function count(): number
`
const aTest = (text) => `import { test } from 'vitest'\n${text}\n`

const platformUses = [
  'Date.now()', 'process.pid', 'Atomics.load', 'setTimeout', 'Promise.resolve()', 'new SharedArrayBuffer(8)',
]

const cases = [
  ['an upward import', 'no-restricted-imports', mechanism,
    'export { x } from \'@bottomhalf/softirq\'\n', 'export { bug } from \'@bottomhalf/base\'\n'],
  ['a sideways import', 'no-restricted-imports', mechanism,
    'export { x } from \'@bottomhalf/list\'\n', 'export { ld } from \'@bottomhalf/machine\'\n'],
  ['an import of another package\'s inside', 'no-restricted-imports', mechanism,
    'export { x } from \'@bottomhalf/base/src/bug\'\n', 'export { x } from \'./inner.js\'\n'],
  ['a foreign library in mechanism code', 'no-restricted-imports', mechanism,
    'export { join } from \'node:path\'\n', 'export { x } from \'#protocol\'\n'],
  ['a runtime import that the manifest does not declare', 'import-x/no-extraneous-dependencies', tool,
    'export { glob } from \'vitest\'\n', 'export { bug } from \'@bottomhalf/base\'\n'],
  ...platformUses.map((use) =>
    [`${use} in mechanism code`, 'no-restricted-globals', mechanism,
      `export const x = ${use}\n`, 'export const x = Math.abs(1)\n']),
  ['Math.random in mechanism code', 'no-restricted-properties', mechanism,
    'export const x = Math.random()\n', 'export const x = Math.max(1, 2)\n'],
  ['throw in mechanism code', 'no-restricted-syntax', mechanism,
    'export function f(): void {\n  throw new Error()\n}\n', 'export function f(): number {\n  return -22\n}\n'],
  ['try in mechanism code', 'no-restricted-syntax', mechanism,
    'export function f(g: () => void): void {\n  try {\n    g()\n  } finally {\n    g()\n  }\n}\n',
    'export function f(g: () => void): void {\n  g()\n}\n'],
  ['async in mechanism code', 'no-restricted-syntax', mechanism,
    'export const f = async (g: () => PromiseLike<void>) => {\n  await g()\n}\n',
    'export const f = (g: () => void) => {\n  g()\n}\n'],
  ['a generator in mechanism code', 'no-restricted-syntax', mechanism,
    'export function* f() {\n  yield 1\n}\n', 'export function f() {\n  return 1\n}\n'],
  ['mutable module state', 'no-restricted-syntax', mechanism, 'export let n = 0\nn++\n', 'export const n = 0\n'],
  ['a default export', 'import-x/no-default-export', tool, 'export default 1\n', 'export const one = 1\n'],
  ['a dropped errno', 'local/errno-used', mechanism,
    `${errno}bind()\n`, `${errno}export const result = bind()\ncount()\n`],
  ['a dropped errno in a union', 'local/errno-used', mechanism,
    `${errno}declare function g(): Errno | string\ng()\n`, `${errno}declare function g(): number | string\ng()\n`],
  ['`!` on something else than an element', 'no-restricted-syntax', tool,
    'export const f = (x: string | undefined) => x!\n', 'export const f = (x: string[]) => x[0]!\n'],
  // texts that the rule is shown, no tests of ours
  ['.only', 'no-restricted-syntax', testFile,
    aTest('test.only("S1: a", () => undefined)'), aTest('test("S1: a", () => undefined)')],
  ['.skip on a chain', 'no-restricted-syntax', testFile,
    aTest('test.concurrent.skip("a", () => undefined)'), aTest('test.concurrent("a", () => undefined)')],
  ['"should" in a test name', 'no-restricted-syntax', testFile,
    aTest('test("it should add", () => undefined)'), aTest('test("adds", () => undefined)')],
  ['a semicolon', '@stylistic/semi', config, 'export const a = 1;\n', 'export const a = 1\n'],
  ['double quotes', '@stylistic/quotes', config, 'export const a = "b"\n', 'export const a = \'b\'\n'],
  ['a long line of code', '@stylistic/max-len', config,
    `export const a = ${'1 + '.repeat(30)}1\n`, `export const a = '${'b'.repeat(130)}'\n`],
]

test.each(cases)('lint refuses %s, and passes its twin', async (_name, rule, file, bad, good) => {
  expect(await rulesOf(file, bad)).toContain(rule)
  expect(await rulesOf(file, good)).not.toContain(rule)
})

test('machine and the BUG of base are where the platform and the throw begin', async () => {
  expect(await rulesOf(machine, 'export const x = Atomics.load\n')).not.toContain('no-restricted-globals')
  const thrower = 'export function f(): never {\n  throw new Error(\'x\')\n}\n'
  expect(await rulesOf('packages/base/src/bug.ts', thrower)).not.toContain('no-restricted-syntax')
  expect(await rulesOf('packages/base/src/bits.ts', thrower)).toContain('no-restricted-syntax')
})

test('aligned comments and several properties on a line are legal', async () => {
  const code = 'export const a = { b: 1, c: 2,\n  d: 3 }             // one\nexport const longer = 4   // two\n'
  expect((await rulesOf(config, code)).filter((rule) => rule?.startsWith('@stylistic'))).toEqual([])
})
