// SPDX-License-Identifier: MIT
import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { root } from '../layers.mjs'
import { addresses } from '../lockfile.mjs'
import { projects } from '../references.mjs'
import { once } from '../stamps.mjs'

const stamp = 'test-of-stamps'
const result = 'node_modules/.bottomhalf/test-of-stamps.result'
afterEach(() => {
  for (const file of [result, `node_modules/.bottomhalf/${stamp}`]) rmSync(join(root, file), { force: true })
})

function runs(want) {
  let count = 0
  once(stamp, want, [result], () => {
    count += 1
    writeFileSync(join(root, result), '')
  })
  return count
}

test('a step runs once for one fingerprint, and again for another', () => {
  expect([runs('a'), runs('a'), runs('b'), runs('b'), runs('a')]).toEqual([1, 0, 1, 0, 1])
})

test('P1: a step that failed is done again', () => {
  expect(runs('a')).toBe(1)
  expect(() => { once(stamp, 'b', [result], () => { throw new Error('broken') }) }).toThrow('broken')
  expect(runs('a')).toBe(1)
})

test('P2: a step whose result is gone is done again', () => {
  expect(runs('a')).toBe(1)
  rmSync(join(root, result))
  expect(runs('a')).toBe(1)
})

test('the lockfile check sees addresses, and not those of deprecation notices', () => {
  expect(addresses('a:\n  resolution: {integrity: sha512-x, tarball: https://mirror.example/a.tgz}')).toEqual([
    [2, 'resolution: {integrity: sha512-x, tarball: https://mirror.example/a.tgz}'],
  ])
  expect(addresses('  resolution: {integrity: sha512-x}\n  deprecated: see https://example.org')).toEqual([])
})

test('a project refers to exactly the packages that its manifest depends on', () => {
  const list = JSON.parse(projects().get('packages/list/tsconfig.build.json'))
  expect(list.references).toEqual([{ path: '../base/tsconfig.build.json' }, { path: '../machine/tsconfig.build.json' }])
})
