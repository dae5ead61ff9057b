// SPDX-License-Identifier: MIT
/** Runstates, slices and hypervisor time on virtual time, which moves only where a test says so. */
import { Vcpu, vcpuOf } from '@bottomhalf/domain'
import { lockstep } from '@bottomhalf/testkit/lockstep'
import type { Lockstep } from '@bottomhalf/testkit/lockstep'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { idleVcpu, RunstateInfo, SLICE_NS, stealNs } from '../src/index.js'
import {
  block, current, enterHypervisor, interrupt, kick, leaveHypervisor, runstate, serve, setup, start, takeDown, timeAt,
} from './time.model.js'

let machine: Lockstep
const MS = 1e6
const EVENT_CHECK = 0xfc

function pass(ns: number): void {
  const { words, nowNs } = machine.snapshot()
  machine.restore({ words, nowNs: nowNs + ns })
}

function boot(pins: readonly number[]): number[] {
  const cpus = Math.max(...pins) + 1
  machine = lockstep({ cpus })
  const d = machine.call(0, () => setup(cpus, pins))
  return pins.map((_, n) => machine.call(0, () => vcpuOf(d, n)))
}

const bringUpAll = (v: number, count: number): void => {
  const d = machine.memory[v + Vcpu.domain] ?? 0
  machine.call(0, () => start(d, count))
}

const onCpu = <T>(cpu: number, fn: () => T): T => machine.call(cpu, fn)
const serveOn = (cpu: number): void => { onCpu(cpu, () => serve()) }
const currentOn = (cpu: number): number => onCpu(cpu, () => current())
const idleOf = (cpu: number): number => onCpu(cpu, () => idleVcpu(cpu))

const FIELDS = ['runningNs', 'runnableNs', 'blockedNs', 'offlineNs'] as const
function timesOf(v: number): { times: number[], hypervisorNs: number, steal: number } {
  const info = onCpu(0, () => runstate(v))
  const at = (offset: number): number => onCpu(0, () => timeAt(info + offset))
  return {
    times: FIELDS.map((field) => at(RunstateInfo[field])),
    hypervisorNs: at(RunstateInfo.hypervisorNs),
    steal: onCpu(0, () => stealNs(info)),
  }
}

describe('SCH-1: time in each runstate', () => {
  test('every interval is charged to the state it was spent in; steal is runnable + offline', () => {
    const [a = 0, b = 0] = boot([0, 0])
    pass(1 * MS)
    bringUpAll(a, 2)
    pass(2 * MS)
    serveOn(0)
    expect(currentOn(0)).toBe(a)
    pass(4 * MS)
    onCpu(0, () => block())
    serveOn(0)
    pass(8 * MS)
    onCpu(0, () => kick(a))
    pass(16 * MS)
    expect(timesOf(a)).toMatchObject({ times: [4, 2 + 16, 8, 1].map((ms) => ms * MS), steal: 19 * MS })
    expect(timesOf(b)).toMatchObject({ times: [8 + 16, 2 + 4, 0, 1].map((ms) => ms * MS), steal: 7 * MS })
    expect(timesOf(idleOf(0)).times).toEqual([3, 28, 0, 0].map((ms) => ms * MS))
  })

  test('T1: the four times of a vCPU sum to its age, under any sequence of operations', () => {
    const commands = fc.array(fc.record({
      what: fc.constantFrom('up', 'down', 'block', 'kick', 'serve', 'pass'), n: fc.nat(2), ns: fc.nat(40 * MS),
    }), { maxLength: 40 })
    fc.assert(fc.property(commands, (sequence) => {
      const all = boot([0, 0, 1])
      let age = 0
      for (const { what, n, ns } of sequence) {
        const v = all[n] as number
        const cpu = n >> 1
        if (what === 'up') bringUpAll(v, n + 1)
        if (what === 'down') onCpu(0, () => takeDown(v))
        if (what === 'block' && currentOn(cpu) === v) onCpu(cpu, () => block())
        if (what === 'kick') onCpu(0, () => kick(v))
        if (what === 'serve') serveOn(cpu)
        if (what === 'pass') { pass(ns); age += ns }
        for (const each of [...all, idleOf(0), idleOf(1)]) {
          expect(timesOf(each).times.reduce((sum, time) => sum + time)).toBe(age)
        }
      }
    }), { numRuns: 25 })
  })
})

describe('slices', () => {
  test('F1: a vCPU that goes on running gives way when its slice of 30 ms ends, not before', () => {
    const [a = 0, b = 0, c = 0] = boot([0, 0, 0])
    bringUpAll(a, 3)
    serveOn(0)
    const ran: number[] = []
    for (let i = 0; i < 4; i++) {
      ran.push(currentOn(0))
      pass(SLICE_NS - 1 * MS)
      serveOn(0)
      expect(currentOn(0)).toBe(ran.at(-1))
      // the slice timer's interrupt comes with the slop of timers; nobody but it asks for a decision
      pass(2 * MS)
      serveOn(0)
      serveOn(0)
    }
    expect(ran).toEqual([a, b, c, a])
  })

  test('a vCPU alone on its pCPU goes on in a new slice', () => {
    const [a = 0] = boot([0])
    bringUpAll(a, 1)
    serveOn(0)
    for (let i = 0; i < 3; i++) {
      pass(SLICE_NS + 1 * MS)
      serveOn(0)
      serveOn(0)
      expect(currentOn(0)).toBe(a)
    }
    expect(timesOf(a).times[0]).toBe(3 * (SLICE_NS + MS))
  })
})

describe('SCH-3: hypervisor time', () => {
  test('what interrupts eat is charged to the vCPU they interrupt, and is part of its running time', () => {
    const [a = 0, b = 0] = boot([0, 0])
    bringUpAll(a, 2)
    pass(1 * MS)                                                      // idle: hypervisor
    serveOn(0)
    pass(2 * MS)                                                      // a: hypervisor
    onCpu(0, () => leaveHypervisor())
    pass(4 * MS)                                                      // a: guest
    onCpu(0, () => enterHypervisor())
    pass(8 * MS)                                                      // a: hypervisor
    onCpu(0, () => block())
    serveOn(0)
    pass(16 * MS)                                                     // b: hypervisor
    onCpu(0, () => leaveHypervisor())
    pass(32 * MS)                                                     // b: guest
    onCpu(0, () => enterHypervisor())
    onCpu(0, () => block())
    serveOn(0)
    expect(timesOf(a)).toMatchObject({ hypervisorNs: 10 * MS })
    expect(timesOf(a).times[0]).toBe(14 * MS)
    expect(timesOf(b)).toMatchObject({ hypervisorNs: 16 * MS })
    expect(timesOf(b).times[0]).toBe(48 * MS)
    expect(timesOf(idleOf(0))).toMatchObject({ hypervisorNs: 1 * MS })
  })

  test('interrupts nest: only the outermost counts, once', () => {
    const [a = 0] = boot([0])
    bringUpAll(a, 1)
    serveOn(0)
    onCpu(0, () => leaveHypervisor())
    onCpu(0, () => enterHypervisor())
    pass(1 * MS)
    onCpu(0, () => enterHypervisor())
    pass(2 * MS)
    onCpu(0, () => leaveHypervisor())
    pass(4 * MS)
    onCpu(0, () => leaveHypervisor())
    pass(8 * MS)
    onCpu(0, () => interrupt(EVENT_CHECK))
    onCpu(0, () => enterHypervisor())
    onCpu(0, () => block())
    serveOn(0)
    expect(timesOf(a)).toMatchObject({ hypervisorNs: 7 * MS })
    expect(timesOf(a).times[0]).toBe(15 * MS)
  })

  test('T2: guest time and what was eaten, over all vCPUs of a pCPU, sum to its age', () => {
    const commands = fc.array(fc.record({
      what: fc.constantFrom('enter', 'leave', 'block', 'kick', 'pass'), n: fc.nat(1), ns: fc.nat(MS),
    }), { maxLength: 60 })
    fc.assert(fc.property(commands, (sequence) => {
      const all = boot([0, 0])
      bringUpAll(all[0] as number, 2)
      let depth = 1
      let age = 0
      let guest = 0
      for (const { what, n, ns } of sequence) {
        if (what === 'enter') { onCpu(0, () => enterHypervisor()); depth++ }
        if (what === 'leave' && depth > 0) { onCpu(0, () => leaveHypervisor()); depth-- }
        if (what === 'block' && all.includes(currentOn(0))) { onCpu(0, () => block()); serveOn(0) }
        if (what === 'kick') { onCpu(0, () => kick(all[n] as number)); serveOn(0) }
        if (what === 'pass') { pass(ns); age += ns; guest += depth === 0 ? ns : 0 }
      }
      // a decision brings the accounts up to date
      while (all.includes(currentOn(0))) { onCpu(0, () => block()); serveOn(0) }
      onCpu(0, () => kick(all[0] as number))
      serveOn(0)
      const eaten = [...all, idleOf(0)].map((v) => timesOf(v).hypervisorNs).reduce((sum, ns) => sum + ns)
      expect(eaten + guest).toBe(age)
    }), { numRuns: 50 })
  })

  test('leaving a hypervisor that was not entered is a BUG', () => {
    boot([0])
    onCpu(0, () => leaveHypervisor())
    expect(() => { onCpu(0, () => leaveHypervisor()) }).toThrow('SCH-3')
  })
})
