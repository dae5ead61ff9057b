// SPDX-License-Identifier: MIT
import { describe, expect, test } from 'vitest'
import { drawingOf, valueText, type Box } from '../src/view/drawing.js'
import { act, actionOf, linkOf, stepOfLink, tick } from '../src/view/keys.js'
import { Lanes } from '../src/view/lanes.js'
import { shapesOf, stateAt } from '../src/view/state.js'
import { handmade, node, writing } from './helpers.js'

describe('keys', () => {
  const at = (position: number, playing = false) => ({ position, playing })

  test.each([
    ['ArrowRight', 3, 4], ['ArrowLeft', 3, 2], ['ArrowDown', 3, 4], ['ArrowUp', 3, 2], ['Home', 3, -1], ['End', 3, 19],
    ['PageDown', 3, 13], ['PageUp', 13, 3], ['ArrowRight', 19, 19], ['ArrowLeft', -1, -1], ['PageDown', 15, 19], ['PageUp', 3, -1],
  ])('%s at step %i leads to step %i of 20', (key, from, to) => {
    expect(act(at(from, true), actionOf(key) ?? 'first', 20)).toEqual(at(to))
  })

  test('other keys are left alone', () => {
    expect(['a', 'Tab', 'Enter', 'toString', 'constructor'].map(actionOf)).toEqual(Array(5).fill(undefined))
  })

  test('space plays to the last step and stops there; at the end it begins again; a second space pauses', () => {
    expect(act(at(3), 'play', 20)).toEqual(at(3, true))
    expect(act(at(3, true), 'play', 20)).toEqual(at(3))
    expect(act(at(19), 'play', 20)).toEqual(at(-1, true))
    expect(tick(at(17, true), 20)).toEqual(at(18, true))
    expect(tick(at(18, true), 20)).toEqual(at(19))
    expect(act(at(-1), 'play', 0)).toEqual(at(-1))
  })

  test.each([['#12', 12], ['#99', 19], ['#start', -1], ['#end', 19], ['#x', undefined], ['', undefined], ['#-1', undefined]])(
    'the link %s is step %s', (hash, step) => {
      expect(stepOfLink(hash, 20)).toBe(step)
    })

  test('a link leads where it came from', () => {
    for (const position of [-1, 0, 7]) expect(stepOfLink(linkOf(position), 20)).toBe(position)
  })
})

describe('the drawing', () => {
  // head -> a -> b -> head, as a circular list has it; `loose` hangs nowhere
  const head = node(10, { name: 'head', isBlock: false })
  const objects = [head, node(20), node(30), node(40, { name: 'loose' })]
  const links = [writing(10, 20), writing(20, 30), writing(30, 10), writing(21, 10), writing(31, 20)]
  const data = handmade(objects, links)
  const drawn = (position: number) => drawingOf(data, stateAt(data, position), position)
  const box = (boxes: readonly Box[], name: string): Box => {
    const found = boxes.find(({ object }) => object.name === name)
    if (found === undefined) throw new Error(`no box ${name}`)
    return found
  }

  test('a list is a chain from left to right', () => {
    const { boxes } = drawn(4)
    const x = ['head', 'node 20', 'node 30'].map((name) => box(boxes, name).x)
    expect(x).toEqual([...x].sort((a, b) => a - b))
    expect(new Set(x).size).toBe(3)
  })

  test('every link that is set has an arrow, those back are thin, the one just written is marked', () => {
    expect(drawn(-1).links).toEqual([])
    const { links: arrows } = drawn(4)
    expect(arrows.map(({ isBack, isNew }) => [isBack, isNew])).toEqual([
      [false, false], [false, false], [true, false], [false, false], [true, true],
    ])
  })

  test('no two boxes overlap, and all lie within the drawing', () => {
    for (let position = -1; position < links.length; position++) {
      const { boxes, width, height } = drawn(position)
      for (const a of boxes) {
        expect(a.x + a.width).toBeLessThanOrEqual(width)
        expect(a.y + a.height).toBeLessThanOrEqual(height)
        for (const b of boxes.filter((other) => other !== a)) {
          const apart = a.x + a.width <= b.x || b.x + b.width <= a.x || a.y + a.height <= b.y || b.y + b.height <= a.y
          expect(apart, `${a.object.name} and ${b.object.name} at step ${position}`).toBe(true)
        }
      }
    }
  })

  test('a block appears with its allocation, and is marked when it was freed: nothing leads to it then', () => {
    const late = handmade([head, node(20, { from: 1, to: 2 })], [writing(10, 20), writing(12, 1), writing(12, 2)])
    const at = (position: number) => drawingOf(late, stateAt(late, position), position)
    const names = (position: number) => at(position).boxes.map(({ object, isFree }) => [object.name, isFree])
    expect(names(0)).toEqual([['head', false]])
    expect(names(1)).toEqual([['head', false], ['node 20', false]])
    expect(names(2)).toEqual([['head', false], ['node 20', true]])
    expect([at(1).links.length, at(2).links.length]).toEqual([1, 0])
  })

  test('values are words people know', () => {
    const field = { name: 'f', address: 10, initial: 0 }
    expect(valueText(data, { ...field, kind: 'lock' }, 0)).toBe('free')
    expect(valueText(data, { ...field, kind: 'lock' }, 2)).toBe('held by base1')
    expect(valueText(data, { ...field, kind: 'link' }, 0)).toBe('null')
    expect(valueText(data, { ...field, kind: 'link' }, 21)).toBe('node 20')
    expect(valueText(data, { ...field, kind: 'link' }, 7777)).toBe('[7777]')
    expect(valueText(data, { ...field, kind: 'word' }, -3)).toBe('-3')
    expect(valueText(data, { ...field, kind: 'word' }, -2147483648)).toBe('0x80000000')
  })
})

describe('the lanes', () => {
  const data = handmade([node(10)], Array.from({ length: 2000 }, (_, i) => writing(10, i)))
  const rowsOf = (lanes: Lanes, position: number): unknown[] => {
    const [, , body] = lanes.view(position).props.children as { props: { children: unknown[] } }[]
    return body?.props.children ?? []
  }

  test('a step forth and back draws the two rows whose mark moves, and no other of 2001', () => {
    const lanes = new Lanes(data, shapesOf(data), () => undefined)
    const before = rowsOf(lanes, 999)
    const behind = rowsOf(lanes, 1000)
    expect(before).toHaveLength(2001)
    expect(before.flatMap((row, i) => row === behind[i] ? [] : [i - 1])).toEqual([999, 1000])
    expect(rowsOf(lanes, 999).every((row, i) => row === before[i])).toBe(true)
  })
})
