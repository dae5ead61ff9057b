// SPDX-License-Identifier: MIT
import { BugError, EINVAL } from '@bottomhalf/base'
import { ipisSent, setVector } from '@bottomhalf/cpu'
import {
  domainKill, domainPause, domainPauseNosync, domainUnpause, getDomain, putDomain, Vcpu, VPF_BLOCKED, VPF_DOWN,
} from '@bottomhalf/domain'
import { global, handler, ld, liveBlocks, load, raiseVector, st, word, words, xmalloc } from '@bottomhalf/machine'
import { softirqRuns } from '@bottomhalf/softirq'
import { doTaskletWork, Tasklet, taskletInit, taskletSchedule } from '@bottomhalf/tasklet'
import { onCpu } from '@bottomhalf/testkit'
import fc from 'fast-check'
import { beforeEach, describe, expect, test } from 'vitest'
import {
  currentVcpu, idleVcpu, RUNSTATE_BLOCKED, RUNSTATE_OFFLINE, RUNSTATE_RUNNABLE, RUNSTATE_RUNNING, RunstateInfo,
  vcpuAwaitStopped, vcpuBlock, vcpuDown, vcpuKick, vcpuPin, vcpuRunstateGet, vcpuUnblock, vcpuUp, vcpuWake,
} from '../src/index.js'
import { boot, current, isPending, serve, vcpus } from './boot.js'
import { SCHEDULE, VCPU_KICK } from './setup.model.js'

const KICK_VECTOR = 0x40
const T = global('testSched', { kicked: word, tasklet: words(Tasklet.sizeWords) })
const kickFromIrq = handler('testKickFromIrq', () => { vcpuKick(ld(T.base + T.kicked)) })
const order: number[] = []
const work = handler('testWork', () => { order.push(currentVcpu()) })

const state = (v: number): number => {
  const info = xmalloc(RunstateInfo.sizeWords, 0)
  vcpuRunstateGet(v, info)
  return ld(info + RunstateInfo.state)
}
const isRunning = (v: number): boolean => load(v + Vcpu.isRunning) !== 0
const block = (): boolean => vcpuBlock(() => false)

beforeEach(() => { order.length = 0 })

describe('SCH-1: runstates', () => {
  beforeEach(() => { boot(1) })

  test('a vCPU goes from offline to runnable, running, blocked, runnable and offline', () => {
    const [v = 0] = vcpus(0)
    const states = [state(v)]
    const then = (step: () => unknown): void => { step(); states.push(state(v)) }
    then(() => vcpuUp(v))
    then(serve)
    then(() => { block(); serve() })
    then(() => { vcpuUnblock(v) })
    then(() => vcpuDown(v))
    expect(states).toEqual([
      RUNSTATE_OFFLINE, RUNSTATE_RUNNABLE, RUNSTATE_RUNNING, RUNSTATE_BLOCKED, RUNSTATE_RUNNABLE, RUNSTATE_OFFLINE,
    ])
  })

  test('an idle vCPU is running or runnable', () => {
    const [v = 0] = vcpus(0)
    expect(state(idleVcpu(0))).toBe(RUNSTATE_RUNNING)
    expect(vcpuUp(v)).toBe(0)
    serve()
    expect(state(idleVcpu(0))).toBe(RUNSTATE_RUNNABLE)
  })

  test('a vCPU that is taken down while it blocks stays blocked, and unblocked it is offline', () => {
    const [v = 0] = vcpus(0)
    expect(vcpuUp(v)).toBe(0)
    serve()
    block()
    serve()
    expect(vcpuDown(v)).toBe(0)
    expect(state(v)).toBe(RUNSTATE_BLOCKED)
    vcpuUnblock(v)
    expect(state(v)).toBe(RUNSTATE_OFFLINE)
    expect(vcpuUp(v)).toBe(0)
    expect(state(v)).toBe(RUNSTATE_RUNNABLE)
  })
})

describe('F1: first in, first out', () => {
  beforeEach(() => { boot(1) })

  test('vCPUs of one pCPU run in the order in which they woke; the idle vCPU when none is left', () => {
    const [a = 0, b = 0, c = 0] = vcpus(0, 0, 0)
    for (const v of [b, a, c]) expect(vcpuUp(v)).toBe(0)
    const ran: number[] = []
    for (let i = 0; i < 4; i++) {
      serve()
      ran.push(current())
      if (i < 3) block()
    }
    expect(ran).toEqual([b, a, c, idleVcpu(0)])
  })

  test('a wake does not disturb a guest that runs, and schedules a pCPU that idles', () => {
    const [a = 0, b = 0] = vcpus(0, 0)
    expect(vcpuUp(a)).toBe(0)
    expect(isPending(SCHEDULE)).toBe(true)
    serve()
    expect(vcpuUp(b)).toBe(0)
    expect(isPending(SCHEDULE)).toBe(false)
    expect(current()).toBe(a)
  })

  test('a wake of a vCPU that waits already changes nothing', () => {
    const [a = 0, b = 0] = vcpus(0, 0)
    for (const v of [a, b]) expect(vcpuUp(v)).toBe(0)
    vcpuWake(a)
    vcpuWake(a)
    serve()
    expect(current()).toBe(a)
    vcpuWake(a)
    block()
    serve()
    expect(current()).toBe(b)
    block()
    serve()
    expect(current()).toBe(idleVcpu(0))
  })

  test('a vCPU that was taken down while it waited does not run', () => {
    const [a = 0, b = 0] = vcpus(0, 0)
    for (const v of [a, b]) expect(vcpuUp(v)).toBe(0)
    expect(vcpuDown(a)).toBe(0)
    serve()
    expect(current()).toBe(b)
  })

  test('V3: isRunning is on for exactly the current vCPUs, under any sequence of operations', () => {
    const commands = fc.array(fc.record({
      what: fc.constantFrom('up', 'down', 'block', 'unblock', 'kick', 'serve'), n: fc.nat(3),
    }), { maxLength: 80 })
    fc.assert(fc.property(commands, (sequence) => {
      boot(2)
      const all = vcpus(0, 0, 1, 1)
      const blocked = new Set<number>()
      const up = new Set<number>()
      for (const { what, n } of sequence) {
        const v = all[n] as number
        const cpu = n >> 1
        if (what === 'up') expect(vcpuUp(v)).toBe(up.has(v) ? -EINVAL : 0)
        if (what === 'up') up.add(v)
        if (what === 'down') expect(vcpuDown(v)).toBe(up.has(v) ? 0 : -EINVAL)
        if (what === 'down') up.delete(v)
        if (what === 'block' && current(cpu) === v && !blocked.has(v)) {
          expect(onCpu(cpu, block)).toBe(true)
          blocked.add(v)
        }
        if (what === 'unblock') vcpuUnblock(v)
        if (what === 'kick') vcpuKick(v)
        if (what === 'unblock' || what === 'kick') blocked.delete(v)
        if (what === 'serve') serve(cpu)
        expect(all.filter(isRunning)).toEqual(all.filter((each, i) => current(i >> 1) === each))
      }
      for (const cpu of [0, 1]) serve(cpu)
      // work conserving: a pCPU idles only if none of its vCPUs can run
      for (const cpu of [0, 1]) {
        const runnable = all.filter((v, i) => i >> 1 === cpu && up.has(v) && !blocked.has(v))
        if (runnable.length === 0) expect(current(cpu)).toBe(idleVcpu(cpu))
        else expect(runnable).toContain(current(cpu))
      }
    }), { numRuns: 300 })
  })
})

describe('V1: blocking', () => {
  beforeEach(() => { boot(1) })

  test('a vCPU that has an event does not block', () => {
    const [v = 0] = vcpus(0)
    expect(vcpuUp(v)).toBe(0)
    serve()
    expect(vcpuBlock(() => true)).toBe(false)
    expect(isPending(SCHEDULE)).toBe(false)
    expect(load(v + Vcpu.pauseFlags)).toBe(0)
  })

  test('the look for events comes after BLOCKED is on', () => {
    const [v = 0] = vcpus(0)
    expect(vcpuUp(v)).toBe(0)
    serve()
    vcpuBlock((mine) => {
      expect(load(mine + Vcpu.pauseFlags)).toBe(1 << VPF_BLOCKED)
      return false
    })
  })

  test('a vCPU that is unblocked before its pCPU schedules goes on', () => {
    const [v = 0] = vcpus(0)
    expect(vcpuUp(v)).toBe(0)
    serve()
    block()
    vcpuUnblock(v)
    serve()
    expect(current()).toBe(v)
    expect(isRunning(v)).toBe(true)
  })

  test('an idle vCPU that blocks is a BUG', () => {
    expect(block).toThrow(BugError)
  })
})

describe('GV-8: the kick', () => {
  beforeEach(() => { boot(2) })

  test('of a vCPU that runs on another pCPU raises VCPU_KICK there with one IPI', () => {
    const [v = 0] = vcpus(1)
    expect(vcpuUp(v)).toBe(0)
    serve(1)
    const before = ipisSent(0)
    vcpuKick(v)
    expect(isPending(VCPU_KICK, 1)).toBe(true)
    vcpuKick(v)
    expect(ipisSent(0)).toBe(before + 1)
    serve(1)
    expect(onCpu(1, () => softirqRuns(1, VCPU_KICK))).toBe(1)
    expect(current(1)).toBe(v)
  })

  test('of a vCPU that sleeps wakes it and raises no VCPU_KICK', () => {
    const [v = 0] = vcpus(1)
    expect(vcpuUp(v)).toBe(0)
    serve(1)
    onCpu(1, block)
    serve(1)
    vcpuKick(v)
    expect([isPending(SCHEDULE, 1), isPending(VCPU_KICK, 1)]).toEqual([true, false])
    serve(1)
    expect(current(1)).toBe(v)
  })

  test('of a vCPU that waits for its pCPU does nothing', () => {
    const [a = 0, b = 0] = vcpus(1, 1)
    for (const v of [a, b]) expect(vcpuUp(v)).toBe(0)
    serve(1)
    const before = ipisSent(0)
    vcpuKick(b)
    expect([isPending(SCHEDULE, 1), isPending(VCPU_KICK, 1), ipisSent(0) - before]).toEqual([false, false, 0])
  })

  test('of itself does nothing: it looks by itself', () => {
    const [v = 0] = vcpus(0)
    expect(vcpuUp(v)).toBe(0)
    serve()
    vcpuKick(v)
    expect(isPending(VCPU_KICK)).toBe(false)
  })

  test('of the interrupted vCPU raises VCPU_KICK on its own pCPU without an IPI', () => {
    const [v = 0] = vcpus(0)
    setVector(KICK_VECTOR, kickFromIrq)
    expect(vcpuUp(v)).toBe(0)
    serve()
    const before = ipisSent(0)
    st(T.base + T.kicked, v)
    raiseVector(0, KICK_VECTOR)
    expect(isPending(VCPU_KICK)).toBe(true)
    expect(ipisSent(0)).toBe(before)
  })
})

describe('TL-7: work of the idle vCPU', () => {
  test('runs before all guests; the guest it displaced comes next, before those that waited', () => {
    boot(1)
    const [a = 0, b = 0] = vcpus(0, 0)
    for (const v of [a, b]) expect(vcpuUp(v)).toBe(0)
    serve()
    taskletInit(T.base + T.tasklet, work, 0)
    taskletSchedule(T.base + T.tasklet)
    serve()
    expect(current()).toBe(idleVcpu(0))
    expect(state(a)).toBe(RUNSTATE_RUNNABLE)
    doTaskletWork()
    expect(order).toEqual([idleVcpu(0)])
    serve()
    expect(current()).toBe(a)
    block()
    serve()
    expect(current()).toBe(b)
  })
})

describe('control operations', () => {
  beforeEach(() => { boot(2) })

  test('vcpuUp and vcpuDown answer -EINVAL when there is nothing to do', () => {
    const [v = 0] = vcpus(0)
    expect([vcpuDown(v), vcpuUp(v), vcpuUp(v), vcpuDown(v), vcpuDown(v)]).toEqual([-EINVAL, 0, -EINVAL, 0, -EINVAL])
    expect(load(v + Vcpu.pauseFlags)).toBe(1 << VPF_DOWN)
  })

  test('vcpuDown stops a vCPU that runs, at its next decision, and vcpuAwaitStopped waits for that', () => {
    const [v = 0] = vcpus(1)
    expect(vcpuUp(v)).toBe(0)
    serve(1)
    expect(vcpuDown(v)).toBe(0)
    expect([isRunning(v), isPending(SCHEDULE, 1)]).toEqual([true, true])
    serve(1)
    vcpuAwaitStopped(v)
    expect(isRunning(v)).toBe(false)
    expect(current(1)).toBe(idleVcpu(1))
  })

  test('LK-5: a vCPU that waits for itself to stop is a BUG', () => {
    const [v = 0] = vcpus(0)
    expect(vcpuUp(v)).toBe(0)
    serve()
    expect(() => { vcpuAwaitStopped(v) }).toThrow('LK-5')
  })

  test('vcpuPin ties a vCPU to an online pCPU; one that runs elsewhere moves when it stops there', () => {
    const [v = 0] = vcpus(0)
    expect([vcpuPin(v, -1), vcpuPin(v, 2), vcpuPin(v, 1)]).toEqual([-EINVAL, -EINVAL, 0])
    expect(vcpuUp(v)).toBe(0)
    serve(1)
    expect(current(1)).toBe(v)
    expect(vcpuPin(v, 0)).toBe(0)
    expect([current(1), isPending(SCHEDULE, 1)]).toEqual([v, true])
    serve(1)
    expect([current(1), isPending(SCHEDULE, 0)]).toEqual([idleVcpu(1), true])
    serve(0)
    expect(current(0)).toBe(v)
  })

  test('DOM-3: a domain that is paused stops running everywhere, and goes on when the last pause is taken back', () => {
    const [a = 0, b = 0] = vcpus(1, 1)
    for (const v of [a, b]) expect(vcpuUp(v)).toBe(0)
    serve(1)
    domainPauseNosync(ld(a + Vcpu.domain))
    expect([isRunning(a), state(b)]).toEqual([true, RUNSTATE_OFFLINE])
    serve(1)
    domainPause(ld(a + Vcpu.domain))
    expect([isRunning(a), current(1)]).toEqual([false, idleVcpu(1)])
    domainUnpause(ld(a + Vcpu.domain))
    serve(1)
    expect(current(1)).toBe(idleVcpu(1))
    domainUnpause(ld(a + Vcpu.domain))
    serve(1)
    expect(current(1)).toBe(a)
  })

  test('DOM-4: a domain that runs is killed from another pCPU, not from its own', () => {
    const before = liveBlocks().length
    const [v = 0] = vcpus(1)
    const d = ld(v + Vcpu.domain)
    expect(getDomain(d)).toBe(true)
    expect(vcpuUp(v)).toBe(0)
    serve(1)
    expect(onCpu(1, () => domainKill(d))).toBe(-EINVAL)
    domainPauseNosync(d)
    serve(1)
    expect(domainKill(d)).toBe(0)
    putDomain(d)
    for (let turn = 0; turn < 4; turn++) for (const cpu of [0, 1]) serve(cpu)
    expect(liveBlocks()).toHaveLength(before)
  })

  test('DOM-2: a domain whose vCPU still runs is not destroyed', () => {
    const [v = 0] = vcpus(0)
    expect(vcpuUp(v)).toBe(0)
    serve()
    putDomain(ld(v + Vcpu.domain))
    expect(() => { for (let turn = 0; turn < 4; turn++) for (const cpu of [0, 1]) serve(cpu) }).toThrow('DOM-2')
  })
})
