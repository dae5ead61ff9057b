// SPDX-License-Identifier: MIT
import { InputError } from '@bottomhalf/base'
import { describe, expect, test } from 'vitest'
import { parseFtraceLine, readArrivals } from '../src/index.js'

const disk = (time: string): string => `         cc1plus-25251   [001] d.h..  ${time}: irq_handler_entry: irq=36 name=virtio1-req.0`
const tick = '              dd-25976   [001] d.h..  1052.160942: local_timer_entry: vector=236'

function failure(text: string, filter = {}): InputError {
  try {
    readArrivals(text, 'a.txt', filter)
  } catch (error) {
    if (error instanceof InputError) return error
    throw error
  }
  throw new Error('the trace was taken')
}

describe('a line is read from the right', () => {
  test.each([
    ['plain', disk('1052.160757'), 'cc1plus', 25251, 1, 1052160757000],
    ['blanks and dashes in the name', ' Web Content-x-7 [000] d.h1 1.5: irq_handler_entry: irq=1 name=a', 'Web Content-x', 7, 0, 1.5e9],
    ['<idle>', '<idle>-0 [012] d.h1. 12.000001: irq_handler_exit: irq=1 ret=handled', '<idle>', 0, 12, 12000001000],
    ['a tgid', 'bash-12 ( 12) [003] .... 3.000000001: sched_switch: x', 'bash', 12, 3, 3000000001],
    ['no flags', 'bash-12 [003] 3.000001: irq_handler_entry: irq=2 name=b c', 'bash', 12, 3, 3000001000],
    ['RT flags', 'irq/9-acpi-12 [003] d..h212 3.000001: irq_handler_entry: irq=2 name=b', 'irq/9-acpi', 12, 3, 3000001000],
  ])('%s', (_, line, task, pid, cpu, timeNs) => {
    expect(parseFtraceLine(line)).toMatchObject({ task, pid, cpu, timeNs })
  })

  test.each(['# tracer: nop', 'CPU 3 is empty', ' => do_IRQ', '', 'bash-12 [003] nonsense'])('no event: %s', (line) => {
    expect(parseFtraceLine(line)).toBeUndefined()
  })
})

describe('arrivals', () => {
  test('times count from the first event of any kind, in order of time', () => {
    const text = [tick, disk('1052.161942'), disk('1052.161000'), ''].join('\n')
    const { arrivals, spanNs, unreadable } = readArrivals(text, 'a.txt')
    expect(arrivals.map((a) => a.timeNs)).toEqual([58_000, 1_000_000])
    expect(spanNs).toBe(1_000_000)
    expect(unreadable).toEqual([])
  })

  test('CRLF, BOM, comments, lost-event markers and a missing last newline are no obstacle', () => {
    const text = `\uFEFF# tracer: nop\r\n#\r\nCPU:1 [LOST 123 EVENTS]\r\n${disk('2.000000')}\r\ngarbage here`
    const { arrivals, unreadable } = readArrivals(text, 'a.txt')
    expect(arrivals).toHaveLength(1)
    expect(unreadable).toEqual([5])
  })

  test('a filter takes a line by number or by name, names with blanks too', () => {
    const other = 'x-1 [000] d.h.. 2.5: irq_handler_entry: irq=9 name=PCIe PME, aerdrv'
    const text = [disk('2.000000'), other].join('\n')
    expect(readArrivals(text, 'a.txt', { irq: 9 }).arrivals.map((a) => a.name)).toEqual(['PCIe PME, aerdrv'])
    expect(readArrivals(text, 'a.txt', { name: 'virtio1-req.0' }).arrivals.map((a) => a.irq)).toEqual([36])
  })
})

describe('bad input is one line with its place and what was expected', () => {
  test('empty', () => {
    expect(failure('\n\n').message).toMatch(/^a\.txt: the trace is empty; expected ftrace text/)
  })

  test('no event at all names the first line', () => {
    expect(failure('# head\nhello world\n').message).toMatch(/^a\.txt:2:1: 'hello world' is no trace event; expected/)
  })

  test('events but no interrupts', () => {
    expect(failure(tick).message).toMatch(/^a\.txt: 1 events, none of them irq_handler_entry; expected/)
  })

  test('a filter that takes nothing names what is there', () => {
    expect(failure(disk('1.0'), { irq: 5 }).message).toBe('a.txt: no interrupt 5; expected one of 36 (virtio1-req.0)')
  })

  test('a filter that takes nothing names twenty of many', () => {
    const lines = Array.from({ length: 23 }, (_, i) => `x-1 [000] d.h.. ${i}.5: irq_handler_entry: irq=${i} name=n`)
    expect(failure(lines.join('\n'), { irq: 99 }).message).toMatch(/one of 0 \(n\), .*, 19 \(n\) and 3 more$/)
  })

  test('what is quoted is shortened', () => {
    expect(failure(`x-1 [000] d.h.. 2.5: irq_handler_entry: ${'y'.repeat(999)}`).message).toContain(`'${'y'.repeat(40)}...'`)
  })

  test('a line that is too long for an event, or a time that no clock shows, is no event', () => {
    expect(parseFtraceLine(`${disk('1.5')}${' '.repeat(9000)}x`)).toBeUndefined()
    expect(parseFtraceLine(disk('9'.repeat(400)))).toBeUndefined()
    expect(parseFtraceLine(disk('1700000000.000000001'))?.timeNs).toBe(1.7e18)
  })

  test('an interrupt line without irq= names its column', () => {
    const error = failure('x-1 [000] d.h.. 2.5: irq_handler_entry: nothing')
    expect(error.place).toEqual({ file: 'a.txt', line: 1, column: 41 })
    expect(error.message).toContain('expected irq=NUMBER name=NAME')
  })
})
