// SPDX-License-Identifier: MIT
import { expect, test } from 'vitest'
import { extend, extensionOf, struct, structNameOfTag, time, word, words } from '../src/index.js'

const Record = struct('TestRecord', { own: word, even: word, room: words(8) })
const Larger = struct('TestLarger', { all: words(9) })
const Above = struct('TestAbove', { deadline: time, count: word })

test('a struct of a higher layer lies where boot says', () => {
  expect(extensionOf(Record, 'room')).toBeUndefined()
  extend(Record, 'room', Above, 4)
  expect(extensionOf(Record, 'room')).toEqual({ inner: Above, at: 4 })
})

test('one that does not fit, in length, behind `at` or in alignment, and a field that is none are a BUG', () => {
  expect(() => { extend(Record, 'room', Larger) }).toThrow('TestLarger has 9 words, TestRecord.room has 8')
  expect(() => { extend(Record, 'room', Above, 6) }).toThrow('TestAbove has 4 words, TestRecord.room has 2')
  expect(() => { extend(Record, 'room', Above, 1) }).toThrow('TestAbove is not aligned in TestRecord.room')
  expect(() => { extend(Record, 'rooms', Above) }).toThrow('TestRecord has no field rooms for TestAbove')
})

test('a tag leads to the name of its struct, and says if there are several', () => {
  expect(structNameOfTag(Above.tag)).toBe('TestAbove')
  expect(structNameOfTag(Above.arrayTag)).toBe('TestAbove[]')
  expect(structNameOfTag(0)).toBe('untagged')
})
