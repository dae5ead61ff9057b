// SPDX-License-Identifier: MIT
import { expect, test } from 'vitest'
import { allNames, diagram, layers, manifestFaults, mayImport, mayUseInTests, withDiagram } from '../layers.mjs'

const manifest = (name, tables) => ({ name: `@bottomhalf/${name}`, ...tables })
const depends = (...names) => Object.fromEntries(names.map((name) => [`@bottomhalf/${name}`, 'workspace:^']))

test('Y1: the relation "may import" has no cycle, and neither has it with what tests use', () => {
  for (const edges of [mayImport, (name) => [...mayImport(name), ...mayUseInTests(name)]]) {
    const done = new Set()
    const walk = (name, path) => {
      expect(path, `cycle through ${name}`).not.toContain(name)
      if (done.has(name)) return
      for (const next of edges(name)) walk(next, [...path, name])
      done.add(name)
    }
    for (const name of allNames) walk(name, [])
  }
})

test('Y1: packages of one layer do not see each other', () => {
  for (const row of layers) {
    for (const name of row.packages) expect(mayImport(name).filter((other) => row.packages.includes(other))).toEqual([])
  }
})

test('Y1: a manifest with an upward or sideways dependency is refused with the reason of its layer', () => {
  expect(manifestFaults('list', manifest('list', { dependencies: depends('machine') }))).toEqual([])
  expect(manifestFaults('list', manifest('list', { dependencies: depends('softirq') }))).toEqual([
    expect.stringMatching(/^packages\/list\/package\.json: softirq does not stand below list \(primitives know words/),
  ])
  expect(manifestFaults('list', manifest('list', { peerDependencies: depends('atomics') }))).toHaveLength(1)
})

test('Y2: engines serve tests, never sources', () => {
  expect(manifestFaults('list', manifest('list', { devDependencies: depends('threads', 'testkit') }))).toEqual([])
  expect(manifestFaults('list', manifest('list', { dependencies: depends('threads') }))).toHaveLength(1)
  expect(manifestFaults('machine', manifest('machine', { devDependencies: depends('testkit') }))).toHaveLength(1)
})

test('the diagram names every package once, with a reason in each row', () => {
  const text = diagram()
  for (const row of layers) expect(text).toContain(row.reason)
  const cells = text.split('\n').map((line) => line.split('|')[2] ?? '')
  for (const name of allNames) expect(cells.filter((cell) => cell.split(/[ ,]+/).includes(name))).toHaveLength(1)
})

test('the diagram replaces what stands between its markers and nothing else', () => {
  const text = 'before\n<!-- layers: written by `node tools/layers.mjs --write` -->\nold\n<!-- layers end -->\nafter\n'
  const written = withDiagram(text)
  expect(written).toMatch(/^before\n[^]*\nafter\n$/)
  expect(written).not.toContain('old')
  expect(withDiagram(written)).toBe(written)
  expect(withDiagram('no markers')).toBeUndefined()
})
