// SPDX-License-Identifier: MIT
import { expect, test } from 'vitest'
import { Lane, Pacer } from '../src/pacing.js'

function* everyMs(): Generator<number, void> {
  for (let i = 1; ; i++) yield i * 1e6
}

function pacerOf(...names: string[]): { pacer: Pacer, lanes: Lane[], fired: string[] } {
  const fired: string[] = []
  const pacer = new Pacer()
  const lanes = names.map((name) => new Lane(everyMs(), () => { fired.push(name) }))
  for (const lane of lanes) pacer.add(lane)
  return { pacer, lanes, fired }
}

test('arrivals of several devices fire in order of time, at most as many as asked for', () => {
  const { pacer, fired } = pacerOf('a', 'b')
  expect(pacer.fireDue(2e6, 3)).toBe(3)
  expect(fired).toEqual(['a', 'b', 'a'])
  expect(pacer.nextNs).toBe(2e6)
})

test('PC1: a held lane fires nothing, and once released at once what became due', () => {
  const { pacer, lanes: [a], fired } = pacerOf('a', 'b')
  if (a !== undefined) a.held = true
  expect(pacer.fireDue(3e6, 99)).toBe(3)
  if (a !== undefined) a.held = false
  pacer.fireDue(3e6, 99)
  expect(fired.join('')).toBe('bbbaaa')
})

test('PC2: a storm has its own rate; after it the lane goes on with its own times and makes up for none', () => {
  const { pacer, lanes: [a] } = pacerOf('a')
  a?.storm(1e6, 10e6)
  expect(pacer.fireDue(10.01e6, 99)).toBe(10)
  a?.calm(20e6)
  expect(pacer.nextNs).toBe(20e6)
  expect(pacer.fireDue(21e6, 99)).toBe(2)
})
