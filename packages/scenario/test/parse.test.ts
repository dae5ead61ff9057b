// SPDX-License-Identifier: MIT
import { InputError } from '@bottomhalf/base'
import { describe, expect, test } from 'vitest'
import { parseScenario } from '../src/index.js'

const good = `
name: two
cpus: 2
duration: 2s
guests:
  - name: net
    cpu: 0
    work: 3us
    devices:
      - { name: nic, arrivals: { poisson: 8k/s } }
      - { name: disk, arrivals: { trace: { file: disk.txt, irq: 36, speed: 2 } } }
  - { name: idle, cpu: 1, tick: 1kHz }
`

const eventful = `${good}events:
  - { at: 10ms, every: 20ms, count: 3, reload: net/nic }
  - at: 50ms
    storm: { device: net/disk, rate: 1M/s }
`

const bomb = ['a: &a [1,1,1,1,1,1,1,1,1]', 'b: &b [*a,*a,*a,*a,*a,*a,*a,*a]', 'c: &c [*b,*b,*b,*b,*b,*b,*b,*b]', 'guests: [*c,*c]']
  .join('\n')

function failure(text: string): string {
  try {
    parseScenario(text, 's.yaml')
  } catch (error) {
    if (error instanceof InputError) return error.message
    throw error
  }
  throw new Error('the scenario was taken')
}

test('a scenario is read with its units and defaults', () => {
  expect(parseScenario(good, 's.yaml')).toEqual({
    name: 'two', cpus: 2, duration: 2e9, seed: 1, rateLimit: 10_000, events: [],
    guests: [
      {
        name: 'net', cpu: 0, vcpus: 1, work: 3000,
        devices: [
          { name: 'nic', interrupt: { kind: 'msi' }, arrivals: { poisson: 8000 } },
          {
            name: 'disk', interrupt: { kind: 'msi' },
            arrivals: { trace: { file: 'disk.txt', irq: 36, speed: 2, repeat: true } },
          },
        ],
      },
      { name: 'idle', cpu: 1, vcpus: 1, work: 2000, devices: [], tick: 1000 },
    ],
  })
})

test('an alias stands for what its anchor names', () => {
  const text = 'guests: [{ name: a, cpu: 0, tick: &t 9Hz }, { name: b, cpu: 1, tick: *t }]'
  expect(parseScenario(text, 's.yaml').guests.map((guest) => guest.tick)).toEqual([9, 9])
})

describe('bad input names line, column and what was expected', () => {
  const edit = (from: string, to: string): string => good.replace(from, to)
  test.each([
    ['empty', '', /^s\.yaml:1:1: the scenario is empty; expected a map/],
    ['no YAML', 'a: [1', /^s\.yaml:\d+:\d+: .*; expected YAML/],
    ['unknown key', edit('cpus: 2', 'cpuz: 2'), /^s\.yaml:3:1: unknown key 'cpuz'/],
    ['impossible count', edit('cpus: 2', 'cpus: 0'), /^s\.yaml:3:7: cpus is not valid; expected number to be >=1/],
    ['no unit it knows', edit('3us', '3 parsecs'), /^s\.yaml:8:11: guests\.0\.work is not valid; expected a duration like/],
    ['a rate out of range', edit('1kHz', '99M/s'), /^s\.yaml:12:33: guests\.1\.tick is not valid; expected a rate like/],
    ['arrivals of no kind', edit('poisson: 8k/s', 'sometimes: 1'), /^s\.yaml:10:32: .*expected arrivals: one of/],
    ['a CPU that is not there', edit('cpu: 1', 'cpu: 2'), /^s\.yaml:12:24: guest idle is on cpu 2; expected 0\.\.1/],
    ['a name twice', edit('name: idle', 'name: net'), /^s\.yaml:12:13: a second guest 'net'/],
    ['a guest with nothing to do', edit(', tick: 1kHz', ''), /^s\.yaml:12:5: .*expected a guest needs devices, or a tick/],
    ['an alias without its anchor', 'guests: *nobody', /^s\.yaml:1:9: Unresolved alias .*; expected aliases/],
    ['an alias of itself', 'guests: &g [*g]', /^s\.yaml:1:13: guests\.0 is not valid; expected object/],
    ['aliases without measure', bomb, /^s\.yaml:2:8: Excessive alias count .*; expected aliases/],
    ['two documents', 'a: 1\n---\nb: 2\n', /^s\.yaml:2:1: a second document; expected YAML/],
    ['a duration without end', edit('2s', '61m'), /^s\.yaml:4:11: duration is not valid; expected .* up to an hour/],
    ['work without end', edit('3us', '3s'), /^s\.yaml:8:11: .*expected .* up to a second/],
    ['a rate of almost never', edit('1kHz', '0.0001Hz'), /^s\.yaml:12:33: .*expected .* from 0\.001\/s/],
    ['a device twice', edit('name: disk,', 'name: nic,'), /^s\.yaml:11:17: a second device 'nic' of guest net/],
    ['misbehaviour of no kind', edit('tick: 1kHz', 'tick: 1kHz, misbehave: { sing: 1 }'), /^s\.yaml:12:52: unknown key 'sing'/],
    ['misbehaviour at no interrupt', edit('tick: 1kHz', 'tick: 1kHz, misbehave: { crash: 0 }'), /^s\.yaml:12:59: .*>=1/],
    ['an event that is none', eventful.replace('reload: net/nic', ''), /^s\.yaml:14:5: .*expected one of kill, create/],
    ['an event that is two', eventful.replace('reload:', 'calm: net/nic, reload:'), /^s\.yaml:14:46: .*expected only one of/],
    ['an event without a time', eventful.replace('at: 10ms, ', ''), /^s\.yaml:14:5: events\.0\.at is not valid/],
    ['a count without a period', eventful.replace('every: 20ms, ', ''), /^s\.yaml:14:24: .*expected `every` with a `count`/],
    ['an event of an unknown guest', eventful.replace('reload: net/nic', 'kill: nit'), /^s\.yaml:14:46: .*guest nit; expected one of net, idle/],
    ['an event of a CPU that is not there', eventful.replace('reload: net/nic', 'cpuDown: 2'), /^s\.yaml:14:49: .*cpu 2; expected one of 0, 1/],
    ['CPU 0 going down', eventful.replace('reload: net/nic', 'cpuDown: 0'), /^s\.yaml:14:49: .*>=1/],
    ['a move to a CPU that is not there', eventful.replace('reload: net/nic', 'move: { guest: net, cpu: 9 }'), /^s\.yaml:14:65: .*cpu 9/],
    ['an interrupt of no kind', edit('{ name: nic,', '{ name: nic, interrupt: pigeon,'), /^s\.yaml:10:33: .*expected interrupt: one of msi/],
    ['a line that is not there', edit('{ name: nic,', '{ name: nic, interrupt: { intx: { line: 99 } },'), /^s\.yaml:10:33: .*line: 16\.\.63/],
    ['an event of an unknown device', eventful.replace('net/nic', 'net/nik'), /^s\.yaml:14:48: .* net\/nik; expected one of net\/nic/],
    ['a storm of an unknown device', eventful.replace('net/disk', 'idle/x'), /^s\.yaml:16:22: .* idle\/x; expected one of/],
    ['a device without its guest', eventful.replace('net/nic', 'nic'), /^s\.yaml:14:48: .*expected a device of a guest: GUEST\/DEVICE/],
    ['missing guests', 'cpus: 1', /^s\.yaml:1:1: guests is not valid; expected array/],
  ])('%s', (_, text, message) => {
    expect(failure(text)).toMatch(message)
  })
})
