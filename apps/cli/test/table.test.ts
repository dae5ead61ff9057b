// SPDX-License-Identifier: MIT
import type { RunReport } from '@bottomhalf/host'
import { expect, test } from 'vitest'
import { oneLine } from '../src/failure.js'
import { progressText, progressTo, statusLine } from '../src/progress.js'
import { duration, runTable } from '../src/table.js'
import { durationNs, fault, wholeNumber } from '../src/values.js'

const latencyNs = { p50: 900, p99: 12_340, p999: 5.6e6, max: 1.5e9 }
const none = { gone: 0, crashed: 0, notEnded: 0, masked: 0, scribbled: 0, limited: 0 }
const times = { runningNs: 0, eatenNs: 0, runnableNs: 0, blockedNs: 0, ticks: 0 }
const counts = { misbehaves: false, lives: 1, raised: 12345, lost: 1, latencyNs }

const report: RunReport = {
  defer: 'softirq', taskletLock: null, seconds: 1, raised: 12345, delivered: 12000, coalesced: 344, unserved: none, lost: 1,
  latencyNs, events: [], restarts: 0,
  lock: { acquisitions: 10, contended: 2, waitNs: 0, classes: [{ name: 'eventLock', acquisitions: 10, contended: 2, waitNs: 0 }] },
  ipis: 3, softirqs: { timer: 4, hvmDpci: 5 }, devices: [],
  guests: [
    { name: 'a', class: 'busy', ...counts, runningNs: 25, eatenNs: 5, runnableNs: 25, blockedNs: 50, ticks: 0 },
    { name: 'b', class: 'idle', ...counts, ...times, ticks: 9 },
  ],
  invariants: { I1: '1 of a/d lost', I2: 'ok', I3: 'ok', I4: 'ok', I5: 'ok', I6: 'ok', I7: 'ok', I8: 'ok', I9: 'ok', I10: 'ok', I11: 'ok' },
}

test('the table shows a column per run, three digits a time, and what is violated', () => {
  const text = runTable([report, { ...report, defer: 'tasklet', taskletLock: 'per-cpu', invariants: { ...report.invariants, I1: 'ok' } }])
  const row = (label: string): string[] =>
    (text.split('\n').find((line) => line.startsWith(`│ ${label} `)) ?? '').split('│').map((cell) => cell.trim()).slice(2, -1)
  expect(text).toContain('tasklet, lock per CPU')
  expect(row('raised')).toEqual(['12 345', '12 345'])
  expect(row('latency p99')).toEqual(['12.3 us', '12.3 us'])
  expect(row('softirq runs')).toEqual(['9', '9'])
  expect(row('busy guests: running')).toEqual(['25.00 %', '25.00 %'])
  expect(row('idle guests: running')).toEqual(['-', '-'])
  expect(row('invariants')).toEqual(['I1: 1 of a/d lost', 'I1-I11 ok'])
})

test('events show what was done and refused, each busy guest its own loss and latency, and what was unserved its reason', () => {
  const events = [{ name: 'reload a/d', done: 7, refused: { '-EBUSY': 2 }, restarts: 3, longestNs: 9 }]
  const guests = report.guests.map((guest) => ({ ...guest, misbehaves: guest.name === 'a' }))
  const text = runTable([{ ...report, events, guests, unserved: { ...none, gone: 17 } }])
  const row = (label: string): string => (text.split('\n').find((line) => line.includes(label)) ?? '').split('│')[2]?.trim() ?? ''
  expect(row('event reload a/d')).toBe('7 done, 3 restarts, 2 -EBUSY')
  expect(row('a (misbehaves): raised / lost')).toBe('12 345 / 1')
  expect(row('latency p50 / p99')).toBe('900 ns / 12.3 us')
  expect(row('unserved: bound to nobody')).toBe('17')
  expect(text).not.toContain('guest crashed')
  expect(text).not.toContain('b: raised')
})

test.each([[0, '0 ns'], [999, '999 ns'], [1000, '1.00 us'], [5.6e6, '5.60 ms'], [1.5e9, '1.50 s']])('duration %d', (ns, text) => {
  expect(duration(ns)).toBe(text)
})

test('progress is one live line on a terminal and plain lines elsewhere', () => {
  const progress = { defer: 'softirq', elapsedNs: 2e9, durationNs: 5e9, raised: 10, delivered: 7, coalesced: 2, unserved: 0, events: 0 } as const
  const written = (isTTY: boolean): string => {
    let all = ''
    const write = (text: string): boolean => {
      all += text
      return true
    }
    const line = progressTo({ isTTY, write })
    line.show(progress)
    line.end()
    return all
  }
  expect(progressText(progress)).toBe('softirq  2/5 s  raised 10  delivered 7  coalesced 2  pending 1')
  expect(progressText({ ...progress, unserved: 1, events: 4 })).toBe('softirq  2/5 s  raised 10  delivered 7  coalesced 2  pending 0  unserved 1  events 4')
  expect(written(false)).toBe(`${progressText(progress)}\n`)
  expect(written(true)).toBe(`\r\u001b[2K${progressText(progress)}\r\u001b[2K`)
})

test('the live line is never wider than the terminal', () => {
  let all = ''
  const stream = { isTTY: true, columns: 40, write: (text: string) => { all += text; return true } }
  statusLine(stream).show('x'.repeat(100))
  expect(all).toBe(`\r\u001b[2K${'x'.repeat(39)}`)
})

test('a message is one line and holds no control characters, whatever it quotes', () => {
  expect(oneLine('a\n  b\r\nc')).toBe('a b c')
  expect(oneLine('x\u0000y\u001b[2Jz\u009b')).toBe('x\\u0000y\\u001b[2Jz\\u009b')
  expect(oneLine('grün 😀')).toBe('grün 😀')
})

test('values read what they say and refuse the rest', () => {
  expect(wholeNumber(1, 64)('64')).toBe(64)
  expect(() => wholeNumber(1, 64)('65')).toThrow('from 1 to 64')
  expect(() => wholeNumber(0, 9)('1.5')).toThrow('whole number')
  expect(durationNs('2')).toBe(2e9)
  expect(durationNs('500ms')).toBe(5e8)
  expect(() => durationNs('soon')).toThrow('Expected a duration')
  expect(() => durationNs('0')).toThrow('Expected a duration')
  expect(fault('kill-cpu=3')).toEqual({ cpu: 3, atNs: 1e9 })
  expect(fault('kill-cpu=3@20ms')).toEqual({ cpu: 3, atNs: 2e7 })
  expect(() => fault('kill-cpu=3@61m')).toThrow('up to an hour')
  expect(() => fault('kill-disk')).toThrow('Expected kill-cpu=N')
})
