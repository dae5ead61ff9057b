// SPDX-License-Identifier: MIT
/** The original's names: each for a function that there is, in a file that says where it comes from. */
import { readdirSync, readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { originalOf, translated } from '../src/originals.js'

const packages = new URL('../../', import.meta.url)
const files = readdirSync(packages)
  .flatMap((name) => readdirSync(new URL(`${name}/src`, packages)).map((file) => `${name}/src/${file}`))
  .filter((path) => path.endsWith('.ts'))
  .map((path) => ({ path, text: readFileSync(new URL(path, packages), 'utf8') }))

describe('ON1', () => {
  test.each(translated)('ON1: %s is a function of a file with an @xen line', (name) => {
    const home = files.filter(({ text }) => new RegExp(`^(?:export )?function ${name}\\(`, 'm').test(text))
    expect(home.map(({ text }) => text.includes('@xen '))).toContain(true)
  })

  test('ON1: what the @xen line of the protocol names is there', () => {
    const { text = '' } = files.find(({ path }) => path === 'passthrough-io/src/protocolSoftirq.ts') ?? {}
    const [, named = ''] = /@xen .*\((.*)\)/.exec(text) ?? []
    const known = translated.map(originalOf)
    expect(named.split(', ').filter((name) => !known.includes(name))).toEqual([])
  })

  test('a number behind a name that a linked form has twice is left out; other functions have none', () => {
    expect(originalOf('spinLock2')).toBe('spin_lock')
    expect(originalOf('scheduleDpci')).toBe('raise_softirq_for')
    expect(originalOf('toString')).toBeUndefined()
    expect(originalOf('')).toBeUndefined()
  })
})
