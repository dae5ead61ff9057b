// SPDX-License-Identifier: MIT
import { expect, test } from 'vitest'
import { pinned } from '../pinned.ts'

const before = `import { ld, st as put } from "m";
import {
  a,
  b
} from "./n.js";
export * from "./o.js";
export { c } from "./p.js";
const sum = () => ld(a) + b;
export {
  sum,
  put as write
};
`

test('C1: imports and exports are constants of the module; what it only hands on is left', () => {
  expect(pinned(before).split('\n')).toEqual([
    'import { ld as $ld, st as $put } from "m"; const ld = $ld, put = $put;',
    'import { a as $a, b as $b } from "./n.js"; const a = $a, b = $b;', '', '', '',
    'export * from "./o.js";',
    'export { c } from "./p.js";',
    'const sum = () => ld(a) + b;',
    'const sum$ = sum, put$ = put; export { sum$ as sum, put$ as write };', '', '', '', '',
  ])
})

test('C2: no line moves', () => {
  const line = (code, text) => code.split('\n').findIndex((one) => one.includes(text))
  for (const text of ['"m"', 'const sum =', 'export * from']) expect(line(pinned(before), text)).toBe(line(before, text))
})

test('C1: a module that is pinned works as before', async () => {
  const load = async (code) => await import(`data:text/javascript,${encodeURIComponent(code)}`)
  const code = 'import { sep, join as put } from "node:path";\nconst three = () => put("a", "b") + sep;\nexport {\n  three,\n  put\n};\n'
  const [plain, changed] = [await load(code), await load(pinned(code))]
  expect(Object.keys(changed)).toEqual(Object.keys(plain))
  expect(changed.three()).toBe(plain.three())
})
