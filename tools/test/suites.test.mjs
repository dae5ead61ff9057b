// SPDX-License-Identifier: MIT
// Every test file is run by somebody: a package with tests of a kind has the script that runs them.
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { folderOf, presentNames, root } from '../layers.mjs'

const kinds = [['stress', 'test:stress'], ['check', 'test:models']]

test.each(kinds)('packages with test/*.%s.ts, and no others, have the script %s', (kind, script) => {
  const wrong = presentNames().filter((name) => {
    const folder = join(root, folderOf(name))
    const { scripts = {} } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))
    const tests = join(folder, 'test')
    const files = existsSync(tests) ? readdirSync(tests, { recursive: true }) : []
    return files.some((file) => file.endsWith(`.${kind}.ts`)) !== Object.hasOwn(scripts, script)
  })
  expect(wrong).toEqual([])
})
