// SPDX-License-Identifier: MIT
/** Where the steps of real code stand, and what its words are: for lanes and players. */
import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { explore, programOf } from '../src/model/explore.js'
import { defineModel } from '../src/model/model.js'
import { placesOf } from '../src/model/places.js'
import type { CodePlace, Violation } from '../src/program.js'
import { replay } from '../src/replay.js'
import { add, boot, Counter, publish, Record } from './protocols.model.js'

const model = defineModel({
  name: 'counter', cpus: 2, setup: () => boot(),
  threads: [{ cpu: 0, run: () => add(false) }, { cpu: 1, run: () => add(false) }],
})
const source = readFileSync(new URL('protocols.model.ts', import.meta.url), 'utf8').split('\n')

async function watched(): Promise<{ places: (readonly CodePlace[])[], violation: Violation | null }> {
  const { schedule } = await explore(model)
  if (schedule === null) throw new Error('nothing is broken')
  const { program, judge } = await programOf(model)
  const places: (readonly CodePlace[])[] = []
  const { violation } = replay(program, schedule, { ...judge, watch: (_, d, at) => { if (d >= 0) places.push(at) } })
  return { places, violation }
}

describe('places', () => {
  it('every step of a replay is handed over with its line, its function and the calls that led there', async () => {
    const { places, violation } = await watched()
    expect(violation?.kind).toBe('data-race')
    expect(places.length).toBeGreaterThan(2)
    for (const [first] of places) {
      expect(first?.file).toContain('protocols.model')
      expect(first?.where).toBe('add')
      expect(source[(first?.line ?? 0) - 1]).toContain('VALUE()')
    }
  })

  it('the machine and the checker are not among them, whatever wraps them', () => {
    const stack = ['Error: here', '    at stackHere (/x/checker/src/model/places.ts:1:1)', '    at Object.begin (/x/checker/dist/index.js:2:2)',
      '    at ld (file:///x/machine/dist-stepped/index.js:3:3)', '    at take (/x/spinlock/src/lock.ts:40:5)', '    at take.next (<anonymous>)',
      '    at Object.run [as begin] (/x/m.ts:7:9)', '    at SteppedContexts.run (/x/checker/dist/index.js:4:4)', '    at node:internal/x:1:1']
    expect(placesOf(stack.join('\n'))).toEqual([
      { file: '/x/spinlock/src/lock.ts', line: 40, where: 'take' }, { file: '/x/m.ts', line: 7, where: 'run' },
    ])
  })
})

describe('the map of the memory', () => {
  it('words of areas have the names of their fields, with the CPU for what every CPU has', async () => {
    const { program } = await programOf(model)
    expect(program.map?.locate(Counter.base + Counter.value)).toEqual({
      object: 'checkerCounter', address: Counter.base, words: Counter.sizeWords, field: 'value', kind: 'word',
    })
    expect(program.map?.locate(Counter.base + Counter.at)?.kind).toBe('time')
    expect(program.wordName(Counter.base + Counter.value)).toBe('checkerCounter.value')
    expect(program.wordName(0)).toBe('[0]')
  })

  it('blocks of the heap that setup left are known by the tag of their struct, and their links as links', async () => {
    const made = defineModel({ name: 'published', cpus: 1, setup: () => publish(false), threads: [{ run: () => boot() }] })
    const { program } = await programOf(made)
    const { map } = program
    const block = map?.blocks[0]
    if (map === undefined || block === undefined) throw new Error('no block')
    expect(map.inBlock(block.tag, 0)).toEqual({ object: 'CheckerRecord', field: 'payload', kind: 'word' })
    expect(program.wordName(block.address)).toBe(`CheckerRecord@${block.address}.payload`)
    expect(map.inBlock(12345, 3)).toEqual({ object: 'block', field: '[3]', kind: 'word' })
    expect(map.inBlock(Record.arrayTag, 2 * Record.sizeWords)).toEqual({ object: 'CheckerRecord', field: '[2].payload', kind: 'word' })
  })
})
