// SPDX-License-Identifier: MIT
/** Credits, priorities, stealing, affinity and periodic timers on virtual time, which moves only where a test says so. */
import { EINVAL } from '@bottomhalf/base'
import { Vcpu, vcpuOf, VPF_PARKED } from '@bottomhalf/domain'
import { cpuArea } from '@bottomhalf/machine'
import { lockstep, roundRobin } from '@bottomhalf/testkit/lockstep'
import type { Lockstep } from '@bottomhalf/testkit/lockstep'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { idleVcpu, SLICE_NS } from '../src/index.js'
import { BOOST, OVER, Sched, SchedVcpu, UNDER, VCPU_SCHED } from '../src/records.js'
import {
  block, current, dropLock, holdLock, makeDomain, pcpu, serve, setAffinity, setDomain, setPeriodic, setup, start,
  takeDownAndUp, Ticks, unblock,
} from './credit.model.js'

const MS = 1e6
let machine: Lockstep
let cpus = 0

const on = <T>(cpu: number, fn: () => T): T => machine.call(cpu, fn)
const serveOn = (cpu: number): void => { on(cpu, () => serve()) }
const serveAll = (): void => { for (let cpu = 0; cpu < cpus; cpu++) serveOn(cpu) }
const currentOn = (cpu: number): number => on(cpu, () => current())
const idleOf = (cpu: number): number => on(cpu, () => idleVcpu(cpu))
const field = (v: number, at: number): number => machine.memory[v + VCPU_SCHED + at] ?? 0
const set = (v: number, at: number, value: number): void => { machine.memory[v + VCPU_SCHED + at] = value }
const creditOf = (v: number): number => field(v, SchedVcpu.credit)
const priorityOf = (v: number): number => field(v, SchedVcpu.priority)
const isActive = (v: number): boolean => field(v, SchedVcpu.isActive) === 1
const isParked = (v: number): boolean => ((machine.memory[v + Vcpu.pauseFlags] ?? 0) >> VPF_PARKED & 1) === 1
const waitingOn = (cpu: number): number => machine.memory[cpuArea(cpu, Sched) + Sched.waiting] ?? 0

function jump(ns: number): void {
  const { words, nowNs } = machine.snapshot()
  machine.restore({ words, nowNs: nowNs + ns })
}

/** Let time pass in steps of a tenth of a millisecond, all pCPUs serving after each. */
function pass(ns: number, step = MS / 10, seen?: () => void): void {
  for (let left = ns; left > 0; left -= step) {
    jump(Math.min(step, left))
    serveAll()
    seen?.()
  }
}

function boot(count: number, nodes: readonly number[] = []): void {
  cpus = count
  machine = lockstep({ cpus })
  on(0, () => setup(count, nodes))
}

/** A domain, its vCPUs up. */
function domain(domId: number, vcpus: number, weight = 256, cap = 0): { d: number, all: number[] } {
  const d = on(0, () => makeDomain(domId, vcpus, weight, cap))
  on(0, () => start(d, vcpus))
  return { d, all: Array.from({ length: vcpus }, (_, n) => on(0, () => vcpuOf(d, n))) }
}

describe('SCH-2: credits', () => {
  test('B1: a vCPU pays one credit for each tenth of a millisecond that it runs, and no time twice', () => {
    boot(1)
    const { all: [v = 0] } = domain(1, 1)
    serveOn(0)
    for (let n = 0; n < 9; n++) { jump(0.55 * MS); serveOn(0) }
    on(0, () => block())
    serveOn(0)
    expect(creditOf(v)).toBe(-Math.floor(9 * 5.5))
  })

  test('M1: the first tick that finds a vCPU running makes it active; one that is never found running stays as it is', () => {
    boot(1)
    const { all: [v = 0] } = domain(1, 1)
    serveOn(0)
    pass(9 * MS)
    expect(isActive(v)).toBe(false)
    pass(2 * MS)
    expect(isActive(v)).toBe(true)
  })

  test('M1, M2: a vCPU that earns more than 300 leaves the active list with half of it', () => {
    boot(1)
    const { all: [v = 0] } = domain(1, 1)
    serveOn(0)
    pass(11 * MS)
    on(0, () => block())
    serveOn(0)
    set(v, SchedVcpu.credit, 100)
    pass(SLICE_NS)
    // 100 and 300 for the one active vCPU of one pCPU
    expect([isActive(v), creditOf(v)]).toEqual([false, 200])
  })

  test('M2: who owes more than 300 after accounting owes 300, and is OVER', () => {
    boot(1)
    const { all: [v = 0] } = domain(1, 1)
    serveOn(0)
    pass(11 * MS)
    on(0, () => block())
    serveOn(0)
    set(v, SchedVcpu.credit, -5000)
    pass(SLICE_NS)
    expect([creditOf(v), priorityOf(v)]).toEqual([-300, OVER])
    pass(SLICE_NS)
    expect([creditOf(v), priorityOf(v)]).toEqual([0, UNDER])
  })

  test('M4: a vCPU over the cap of its domain is parked, blocked time does not wake it, and at 0 it goes on unboosted', () => {
    boot(1)
    const { all: [v = 0] } = domain(1, 1, 256, 10)
    serveOn(0)
    pass(45 * MS)
    expect([isParked(v), currentOn(0)]).toEqual([true, idleOf(0)])
    const owed = creditOf(v)
    on(0, () => unblock(v))
    serveOn(0)
    expect(currentOn(0)).toBe(idleOf(0))
    pass(SLICE_NS)
    expect([creditOf(v), isParked(v)]).toEqual([owed + 30, true])
    set(v, SchedVcpu.credit, -30)
    pass(SLICE_NS)
    expect([isParked(v), currentOn(0), priorityOf(v)]).toEqual([false, v, UNDER])
  })

  test.each([[0, 0], [65536, 0], [1.5, 0], [256, -1], [256, 201], [256, 0.5]])(
    'weight %d, cap %d of a domain of two vCPUs is refused with -EINVAL', (weight, cap) => {
      boot(1)
      const { d } = domain(1, 2)
      expect(on(0, () => setDomain(d, weight, cap))).toBe(-EINVAL)
      expect(on(0, () => setDomain(d, 65535, 200))).toBe(0)
    })
})

describe('M3: shares', () => {
  /** What each domain should get of `total` pCPUs, all its vCPUs always running: the obvious way. */
  function ideal(total: number, domains: readonly { weight: number, most: number }[]): number[] {
    const shares = domains.map(() => -1)
    for (;;) {
      const open = domains.map((_, i) => i).filter((i) => shares[i] === -1)
      const left = total - shares.filter((share) => share > 0).reduce((sum, share) => sum + share, 0)
      const weights = open.reduce((sum, i) => sum + (domains[i]?.weight ?? 0), 0)
      const fair = (i: number): number => left * (domains[i]?.weight ?? 0) / weights
      const full = open.filter((i) => (domains[i]?.most ?? 0) <= fair(i))
      for (const i of full) shares[i] = domains[i]?.most ?? 0
      if (full.length > 0) continue
      for (const i of open) shares[i] = fair(i)
      return shares
    }
  }

  const wanted = fc.array(fc.record({
    weight: fc.constantFrom(128, 256, 512, 1024), cap: fc.constantFrom(0, 0, 20, 50),
    vcpus: fc.integer({ min: 1, max: 2 }),
  }), { minLength: 1, maxLength: 4 })

  test('domains on one pCPU run as their weights and caps say, over 3 s of virtual time', () => {
    fc.assert(fc.property(wanted, (domains) => {
      boot(1)
      const made = domains.map(({ weight, cap, vcpus }, i) => domain(i + 1, vcpus, weight, cap))
      const ran = made.map(() => 0)
      // the first ticks find out who is active
      pass(500 * MS, MS)
      pass(3000 * MS, MS, () => {
        const who = currentOn(0)
        const index = made.findIndex(({ all }) => all.includes(who))
        if (index >= 0) ran[index] = (ran[index] ?? 0) + 1 / 3000
      })
      const limits = domains.map(({ weight, cap, vcpus }) => ({ weight, most: cap === 0 ? vcpus : cap / 100 }))
      const shares = ideal(1, limits)
      for (const [i, share] of shares.entries()) expect(Math.abs((ran[i] ?? 0) - share)).toBeLessThan(0.1)
    }), { numRuns: 6 })
  })
})

describe('SCH-2: priorities', () => {
  test('who wakes while UNDER is BOOST, takes the pCPU when the rate limit of 1 ms is over, and loses it at its first tick', () => {
    boot(1)
    const { all: [a = 0] } = domain(1, 1)
    const { all: [b = 0] } = domain(2, 1)
    serveOn(0)
    on(0, () => block())
    serveOn(0)
    expect(currentOn(0)).toBe(b)
    on(0, () => unblock(a))
    expect(priorityOf(a)).toBe(BOOST)
    pass(0.8 * MS)
    expect(currentOn(0)).toBe(b)
    pass(0.4 * MS)
    expect(currentOn(0)).toBe(a)
    pass(11 * MS)
    expect(priorityOf(a)).toBe(UNDER)
  })

  test('who wakes while OVER is not boosted and waits', () => {
    boot(1)
    const { all: [a = 0] } = domain(1, 1)
    const { all: [b = 0] } = domain(2, 1)
    serveOn(0)
    on(0, () => block())
    serveOn(0)
    set(a, SchedVcpu.priority, OVER)
    on(0, () => unblock(a))
    pass(3 * MS)
    expect([priorityOf(a), currentOn(0)]).toEqual([OVER, b])
  })

  test('F1, F2: UNDER comes before OVER, and within a priority the longest waiting first', () => {
    boot(1)
    const d = on(0, () => makeDomain(1, 4, 256, 0))
    const [a = 0, b = 0, c = 0, e = 0] = [0, 1, 2, 3].map((n) => on(0, () => vcpuOf(d, n)))
    for (const v of [a, c]) set(v, SchedVcpu.priority, OVER)
    on(0, () => start(d, 4))
    expect(waitingOn(0)).toBe(4)
    const ran: number[] = []
    for (let n = 0; n < 4; n++) {
      serveOn(0)
      ran.push(currentOn(0))
      on(0, () => block())
    }
    expect(ran).toEqual([b, e, a, c])
    expect(waitingOn(0)).toBe(0)
  })
})

describe('SCH-2: stealing', () => {
  /** vCPUs that all wait on pCPU 0, `prio` each. */
  function waiting(count: number, prio = UNDER): number[] {
    const d = on(0, () => makeDomain(1, count, 256, 0))
    const all = Array.from({ length: count }, (_, n) => on(0, () => vcpuOf(d, n)))
    for (const v of all) set(v, SchedVcpu.priority, prio)
    on(0, () => start(d, count))
    return all
  }

  test('a pCPU with nothing to run takes what waits elsewhere, and is told when there is something', () => {
    boot(2)
    const [a = 0, b = 0] = waiting(2)
    serveOn(0)
    expect(currentOn(0)).toBe(a)
    serveOn(1)
    expect([currentOn(1), machine.memory[b + Vcpu.processor], waitingOn(0)]).toEqual([b, 1, 0])
  })

  test('only what is better than its own next is taken: OVER takes UNDER, UNDER takes nothing', () => {
    boot(2)
    const [a = 0, b = 0, c = 0] = waiting(3)
    serveOn(0)
    serveOn(1)
    expect([currentOn(0), currentOn(1), waitingOn(0)]).toEqual([a, b, 1])
    pass(2 * MS)
    expect([currentOn(0), currentOn(1)]).toEqual([a, b])
    set(b, SchedVcpu.priority, OVER)
    // a decision of pCPU 1
    on(1, () => block())
    on(1, () => unblock(b))
    serveOn(1)
    expect([currentOn(1), waitingOn(0), waitingOn(1)]).toEqual([c, 0, 1])
  })

  test('its own node comes first', () => {
    boot(4, [0, 1, 0, 1])
    const all = waiting(2)
    for (const v of all) on(0, () => setAffinity(v, [0, 3]))
    const { all: others } = domain(2, 2)
    for (const v of others) on(0, () => setAffinity(v, [1]))
    for (const v of others) on(0, () => setAffinity(v, [1, 3]))
    serveOn(0)
    serveOn(1)
    expect([waitingOn(0), waitingOn(1)]).toEqual([1, 1])
    serveOn(3)
    expect(others).toContain(currentOn(3))
    expect([waitingOn(0), waitingOn(1)]).toEqual([1, 0])
  })

  test('a queue whose lock is held is passed over, and made up for at the next tick of its pCPU', () => {
    boot(2)
    const [a = 0, b = 0] = waiting(2)
    serveOn(0)
    on(0, () => holdLock(0))
    serveOn(1)
    expect([currentOn(0), currentOn(1)]).toEqual([a, idleOf(1)])
    on(0, () => dropLock(0))
    pass(11 * MS)
    expect(currentOn(1)).toBe(b)
  })
})

describe('SCH-2: affinity', () => {
  test('a vCPU runs on the pCPUs of its mask only; one that waits moves at once, one that runs when it stops', () => {
    boot(3)
    const { all: [a = 0, b = 0] } = domain(1, 2)
    for (const v of [a, b]) expect(on(0, () => setAffinity(v, [0]))).toBe(0)
    serveAll()
    expect([0, 1, 2].map(currentOn)).toEqual([a, idleOf(1), idleOf(2)])
    expect(on(0, () => setAffinity(b, [2]))).toBe(0)
    serveAll()
    expect(currentOn(2)).toBe(b)
    expect(on(0, () => setAffinity(a, [1]))).toBe(0)
    serveAll()
    serveAll()
    expect([0, 1, 2].map(currentOn)).toEqual([idleOf(0), a, b])
  })

  test('a mask without an online pCPU is refused with -EINVAL and changes nothing', () => {
    boot(2)
    const { all: [a = 0] } = domain(1, 1)
    expect([on(0, () => setAffinity(a, [])), on(0, () => setAffinity(a, [5]))]).toEqual([-EINVAL, -EINVAL])
    serveAll()
    expect([currentOn(0), currentOn(1)]).toContain(a)
  })

  test('X1, F2: no vCPU runs twice or where it may not, none is forgotten, under any sequence of operations', () => {
    const commands = fc.array(fc.record({
      what: fc.constantFrom('affinity', 'block', 'unblock', 'serve', 'pass'), n: fc.nat(4), cpu: fc.nat(2),
      mask: fc.uniqueArray(fc.nat(2), { minLength: 1 }), ns: fc.nat(15 * MS),
    }), { maxLength: 50 })
    fc.assert(fc.property(commands, (sequence) => {
      boot(3, [0, 0, 1])
      const { all } = domain(1, 5)
      const masks = new Map(all.map((v) => [v, [0, 1, 2]]))
      const blocked = new Set<number>()
      for (const { what, n, cpu, mask, ns } of sequence) {
        const v = all[n] as number
        if (what === 'affinity') { on(cpu, () => setAffinity(v, mask)); masks.set(v, mask) }
        if (what === 'block') {
          const mine = currentOn(cpu)
          if (all.includes(mine)) { on(cpu, () => block()); blocked.add(mine) }
        }
        if (what === 'unblock') { on(cpu, () => unblock(v)); blocked.delete(v) }
        if (what === 'serve') serveOn(cpu)
        if (what === 'pass') jump(ns)
        const running = [0, 1, 2].map(currentOn).filter((each) => all.includes(each))
        expect(new Set(running).size).toBe(running.length)
      }
      // two slices, so that all that were told have come
      pass(60 * MS, MS)
      const running = [0, 1, 2].map(currentOn)
      const ready = all.filter((v) => !blocked.has(v))
      const waiting = ready.filter((v) => !running.includes(v))
      for (const [cpu, v] of running.entries()) {
        if (all.includes(v)) expect(masks.get(v)).toContain(cpu)
        else for (const each of waiting) expect(masks.get(each)).not.toContain(cpu)
      }
      expect(waitingOn(0) + waitingOn(1) + waitingOn(2)).toBe(waiting.length)
    }), { numRuns: 40 })
  })
})

describe('CPU-4: a pCPU goes down and comes up', () => {
  test('what ran and waited there runs elsewhere, even if it was tied to it; come up, it takes its share again', () => {
    boot(2)
    const { all: [a = 0, b = 0, c = 0] } = domain(1, 3)
    for (const v of [a, b, c]) on(0, () => setAffinity(v, [1]))
    serveOn(1)
    on(1, () => block())
    serveOn(1)
    expect([currentOn(1), waitingOn(1)]).toEqual([b, 1])
    machine.spawn(0, () => takeDownAndUp(1, false))
    machine.spawn(1, () => pcpu())
    expect(machine.run(roundRobin(), { maxSteps: 20_000 }).verdict).not.toBe('bug')
    jump(1)
    expect([a, b, c].map((v) => machine.memory[v + Vcpu.processor])).toEqual([0, 0, 0])
    expect([currentOn(1), waitingOn(1)]).toEqual([idleOf(1), 0])
    serveOn(0)
    expect([b, c]).toContain(currentOn(0))
    expect(waitingOn(0)).toBe(1)
    on(0, () => unblock(a))
    machine.spawn(0, () => takeDownAndUp(1, true))
    machine.spawn(1, () => pcpu())
    expect(machine.run(roundRobin(), { maxSteps: 20_000 }).verdict).not.toBe('bug')
    jump(1)
    expect([a, b, c]).toContain(currentOn(1))
  })
})

describe('SCH-5: the periodic timer', () => {
  const ticks = (): number => machine.memory[Ticks.base + Ticks.count] ?? 0

  test.each([1, 5, 10])('ticks every %d ms while the vCPU runs', (ms) => {
    boot(1)
    const { all: [v = 0] } = domain(1, 1)
    serveOn(0)
    expect(on(0, () => setPeriodic(v, ms * MS))).toBe(0)
    pass(100.9 * MS)
    // each may come later by the slop of timers and the step of this test
    expect(ticks()).toBeLessThanOrEqual(100 / ms)
    expect(ticks()).toBeGreaterThan(100 / (ms + 0.25) - 1)
    expect(on(0, () => setPeriodic(v, 0))).toBe(0)
    const before = ticks()
    pass(20 * MS)
    expect(ticks()).toBe(before)
  })

  test('Y1: it never wakes a vCPU that blocks; a tick that fell due meanwhile comes once when it runs again', () => {
    boot(1)
    const { all: [v = 0] } = domain(1, 1)
    serveOn(0)
    expect(on(0, () => setPeriodic(v, 2 * MS))).toBe(0)
    pass(3 * MS)
    const before = ticks()
    on(0, () => block())
    jump(2 * MS)
    pass(40 * MS)
    expect([ticks(), currentOn(0)]).toEqual([before, idleOf(0)])
    on(0, () => unblock(v))
    pass(0.5 * MS)
    expect([ticks(), currentOn(0)]).toEqual([before + 1, v])
  })

  test('follows the vCPU to another pCPU', () => {
    boot(2)
    const { all: [v = 0] } = domain(1, 1)
    on(0, () => setAffinity(v, [0]))
    serveOn(0)
    expect(on(0, () => setPeriodic(v, 2 * MS))).toBe(0)
    pass(3 * MS)
    on(0, () => setAffinity(v, [1]))
    const before = ticks()
    pass(10 * MS)
    expect(currentOn(1)).toBe(v)
    expect(ticks()).toBeGreaterThan(before + 3)
  })

  test('a period out of range, or of another vCPU than the current, is refused with -EINVAL', () => {
    boot(1)
    const { all: [v = 0, w = 0] } = domain(1, 2)
    serveOn(0)
    for (const ns of [-1, 0.5 * MS, 11 * MS, Number.NaN]) expect(on(0, () => setPeriodic(v, ns))).toBe(-EINVAL)
    expect(on(0, () => setPeriodic(w, 2 * MS))).toBe(-EINVAL)
  })
})
