// SPDX-License-Identifier: MIT
/** The original's names: each for a function that there is, in a file that says where it comes from. */
import { readdirSync, readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { originalOf, translated } from '../src/originals.js'
import { Sources } from '../src/sources.js'
import { sourceView } from '../src/view/now.js'
import { brokenBy, tornText, writing } from './helpers.js'

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

  test('ON1: the page shows both names, of the function and of those that called it', () => {
    const sources = new Sources(() => ({ name: 'io.ts', text: 'a\nb\n' }))
    const places = ['scheduleDpci', 'helper', 'hvmDoIrqDpci']
      .map((where) => sources.place({ file: 'io.ts', line: 2, where }))
    const data = { ...brokenBy(tornText), sources: sources.shown() }
    const view = JSON.stringify(sourceView(data, writing(1, 1, { places })))
    expect(view).toContain('in scheduleDpci (raise_softirq_for)')
    expect(view).toContain('called by helper io.ts:2 ← hvmDoIrqDpci (hvm_do_IRQ_dpci) io.ts:2')
  })

  test('a number behind a name that a linked form has twice is left out; other functions have none', () => {
    expect(originalOf('spinLock2')).toBe('spin_lock')
    expect(originalOf('scheduleDpci')).toBe('raise_softirq_for')
    expect(originalOf('toString')).toBeUndefined()
    expect(originalOf('')).toBeUndefined()
  })
})
