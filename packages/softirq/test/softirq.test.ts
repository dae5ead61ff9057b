// SPDX-License-Identifier: MIT
import { BugError } from '@bottomhalf/base'
import type { SoftirqNr } from '@bottomhalf/base'
import {
  CPU_DEAD, CpuEvent, CpuMask, CpuState, ipisSent, maskSet, setupCpus, setVector,
} from '@bottomhalf/cpu'
import type { CpuMaskRef } from '@bottomhalf/cpu'
import {
  embed, formatMemory, global, handler, handlerIdOf, callHandler, irqDisable, irqEnable, irqsEnabled, raiseVector,
  setCurrentCpu, st, thisCpu,
} from '@bottomhalf/machine'
import { lockClass, SpinLock, spinLock, spinLockInit, spinUnlock } from '@bottomhalf/spinlock'
import { onCpu } from '@bottomhalf/testkit'
import { beforeEach, describe, expect, test } from 'vitest'
import {
  beginLooking, cpumaskRaiseSoftirq, cpuRaiseSoftirq, cpuRaiseSoftirqBatchBegin, cpuRaiseSoftirqBatchFinish, doSoftirq,
  dropSoftirqs, endLooking, MAX_SOFTIRQS, openSoftirq, processPendingSoftirqs, raiseSoftirq, setupSoftirqs,
  softirqPending, softirqRuns,
} from '../src/index.js'

const TIMER = 0 as SoftirqNr
const SCHEDULE = 1 as SoftirqNr
const TASKLET = 4 as SoftirqNr
const DPCI = 10 as SoftirqNr

const T = global('softirqTest', { lock: embed(SpinLock), mask: embed(CpuMask), event: embed(CpuEvent) })
const testLock = lockClass('softirqTest')

const served: string[] = []
let inside: (nr: number) => void = () => { /* nothing */ }
const note = handler('softirqTest.note', (nr: number) => {
  served.push(`${nr}${irqsEnabled() ? '' : ' IF = 0'}`)
  inside(nr)
})
const raiseFromIrq = handler('softirqTest.raiseFromIrq', () => {
  raiseSoftirq(DPCI)
  cpuRaiseSoftirq(1, TIMER)
})
const doFromIrq = handler('softirqTest.doFromIrq', () => {
  irqEnable()
  doSoftirq()
})

beforeEach(() => {
  served.length = 0
  inside = () => { /* nothing */ }
  formatMemory({ cpus: 4, debug: true })
  setCurrentCpu(0)
  setupCpus(4)
  setCurrentCpu(0)
  setupSoftirqs(SCHEDULE)
  for (const nr of [TIMER, SCHEDULE, TASKLET, DPCI]) openSoftirq(nr, note)
  setVector(0x80, raiseFromIrq)
  setVector(0x81, doFromIrq)
  spinLockInit(T.base + T.lock, testLock)
  irqEnable()
})

const ipis = (cpu = 0): number => ipisSent(cpu)
const bits = (...numbers: number[]): number => numbers.reduce((word, nr) => word | 1 << nr, 0)

describe('serving', () => {
  test('SQ-1: low numbers are served first', () => {
    for (const nr of [DPCI, TASKLET, TIMER, SCHEDULE]) raiseSoftirq(nr)
    doSoftirq()
    expect(served).toEqual(['0', '1', '4', '10'])
  })

  test('SQ-1: a lower one raised by a handler comes before those that waited', () => {
    inside = (nr) => { if (nr === TASKLET) raiseSoftirq(TIMER) }
    raiseSoftirq(DPCI)
    raiseSoftirq(TASKLET)
    doSoftirq()
    expect(served).toEqual(['4', '0', '10'])
  })

  test('SQ-4, S1: the bit is clear when the handler runs, so a raise in the handler is served again', () => {
    const pendingInside: number[] = []
    inside = () => {
      pendingInside.push(softirqPending(0))
      if (pendingInside.length < 3) raiseSoftirq(DPCI)
    }
    raiseSoftirq(DPCI)
    doSoftirq()
    expect(served).toEqual(['10', '10', '10'])
    expect(pendingInside).toEqual([0, 0, 0])
  })

  test('SQ-4: an offline CPU serves nothing', () => {
    raiseSoftirq(DPCI)
    st(thisCpu(CpuState) + CpuState.online, 0)
    doSoftirq()
    processPendingSoftirqs()
    expect(served).toEqual([])
    expect(softirqPending(0)).toBe(bits(DPCI))
  })

  test('SQ-4: a CPU that a handler takes offline stops there', () => {
    inside = () => { st(thisCpu(CpuState) + CpuState.online, 0) }
    raiseSoftirq(TIMER)
    raiseSoftirq(DPCI)
    doSoftirq()
    expect(served).toEqual(['0'])
  })

  test('SQ-4: serving in an interrupt handler, or with IF = 0, is a BUG', () => {
    irqDisable()
    expect(() => { doSoftirq() }).toThrow('SQ-4')
    irqEnable()
    expect(() => { raiseVector(0, 0x81) }).toThrow('SQ-4')
  })

  test('SQ-4: serving with a lock held is a BUG', () => {
    spinLock(T.base + T.lock)
    expect(() => { doSoftirq() }).toThrow('I7')
    spinUnlock(T.base + T.lock)
    doSoftirq()
  })

  test('SQ-5: processPendingSoftirqs leaves SCHEDULE alone, and only that', () => {
    for (const nr of [SCHEDULE, TASKLET, TIMER]) raiseSoftirq(nr)
    processPendingSoftirqs()
    expect(served).toEqual(['0', '4'])
    expect(softirqPending(0)).toBe(bits(SCHEDULE))
    doSoftirq()
    expect(served).toEqual(['0', '4', '1'])
  })

  test('SQ-5: processPendingSoftirqs with a lock held that a handler takes is found as a deadlock', () => {
    inside = () => { spinLock(T.base + T.lock) }
    raiseSoftirq(DPCI)
    spinLock(T.base + T.lock)
    expect(() => { processPendingSoftirqs() }).toThrow('self-deadlock')
  })

  test('SQ-6: the return from an interrupt into hypervisor code runs none', () => {
    for (let i = 0; i < 3; i++) raiseVector(0, 0x80)
    expect(served).toEqual([])
    expect(softirqPending(0)).toBe(bits(DPCI))
    doSoftirq()
    expect(served).toEqual(['10'])
  })

  test('runs are counted per CPU and number', () => {
    raiseSoftirq(DPCI)
    doSoftirq()
    raiseSoftirq(DPCI)
    doSoftirq()
    expect([softirqRuns(0, DPCI), softirqRuns(1, DPCI), softirqRuns(0, TIMER)]).toEqual([2, 0, 0])
  })

  test('SQ-2: a softirq is opened once; a number that is none is a BUG', () => {
    expect(() => { openSoftirq(DPCI, note) }).toThrow(BugError)
    expect(() => { openSoftirq(MAX_SOFTIRQS as SoftirqNr, note) }).toThrow('SQ-1')
  })
})

describe('raising', () => {
  test('SQ-2: raiseSoftirq marks this CPU and sends nothing', () => {
    onCpu(2, () => { raiseSoftirq(TIMER) })
    expect([0, 1, 2, 3].map(softirqPending)).toEqual([0, 0, bits(TIMER), 0])
    expect(ipis(2)).toBe(0)
  })

  test('SQ-2: a remote raise sends one IPI, one of this CPU none', () => {
    cpuRaiseSoftirq(1, DPCI)
    expect(ipis()).toBe(1)
    cpuRaiseSoftirq(0, DPCI)
    expect(ipis()).toBe(1)
    expect([softirqPending(0), softirqPending(1)]).toEqual([bits(DPCI), bits(DPCI)])
  })

  test('S2: a second remote raise before the first is served sends no IPI', () => {
    cpuRaiseSoftirq(1, DPCI)
    onCpu(2, () => { cpuRaiseSoftirq(1, DPCI) })
    expect([ipis(0), ipis(2)]).toEqual([1, 0])
    cpuRaiseSoftirq(1, TIMER)
    expect(ipis()).toBe(2)
  })

  test('S3: a CPU that is certain to look gets no IPI; one that has stopped looking does', () => {
    onCpu(1, () => { beginLooking() })
    cpuRaiseSoftirq(1, DPCI)
    expect(ipis()).toBe(0)
    expect(onCpu(1, () => endLooking())).toBe(true)
    onCpu(1, () => {
      irqEnable()
      doSoftirq()
    })
    cpuRaiseSoftirq(1, DPCI)
    expect(ipis()).toBe(1)
  })

  test('SQ-2: cpumaskRaiseSoftirq sends at most one IPI per CPU, none to itself or where the bit is set', () => {
    const mask: CpuMaskRef = T.base + T.mask
    for (const cpu of [0, 1, 3]) maskSet(mask, cpu)
    cpuRaiseSoftirq(3, DPCI)
    cpumaskRaiseSoftirq(mask, DPCI)
    expect([0, 1, 2, 3].map(softirqPending)).toEqual([bits(DPCI), bits(DPCI), 0, bits(DPCI)])
    expect(ipis()).toBe(2)
  })
})

describe('SQ-3: batches', () => {
  test('SQ-3: several raises of one CPU in a batch send one IPI at its end', () => {
    cpuRaiseSoftirqBatchBegin()
    cpuRaiseSoftirq(1, DPCI)
    cpuRaiseSoftirq(1, TIMER)
    cpuRaiseSoftirq(2, TIMER)
    expect(ipis()).toBe(0)
    cpuRaiseSoftirqBatchFinish()
    expect(ipis()).toBe(2)
  })

  test('SQ-3, S4: a CPU with nothing pending any more is skipped, and so is one that looks', () => {
    cpuRaiseSoftirqBatchBegin()
    for (const cpu of [1, 2, 3]) cpuRaiseSoftirq(cpu, DPCI)
    onCpu(1, () => {
      irqEnable()
      doSoftirq()
    })
    onCpu(2, () => { beginLooking() })
    cpuRaiseSoftirqBatchFinish()
    expect(ipis()).toBe(1)
    expect(served).toEqual(['10'])
  })

  test('SQ-3: the outermost of nested batches sends; the next batch starts empty', () => {
    cpuRaiseSoftirqBatchBegin()
    cpuRaiseSoftirqBatchBegin()
    cpuRaiseSoftirq(1, DPCI)
    cpuRaiseSoftirqBatchFinish()
    expect(ipis()).toBe(0)
    cpuRaiseSoftirqBatchFinish()
    expect(ipis()).toBe(1)
    cpuRaiseSoftirqBatchBegin()
    cpuRaiseSoftirqBatchFinish()
    expect(ipis()).toBe(1)
  })

  test('SQ-3: a raise in an interrupt during a batch is sent at once', () => {
    cpuRaiseSoftirqBatchBegin()
    raiseVector(0, 0x80)
    expect(ipis()).toBe(1)
    cpuRaiseSoftirqBatchFinish()
    expect(ipis()).toBe(1)
  })

  test('SQ-3: a Finish without a Begin is a BUG', () => {
    expect(() => { cpuRaiseSoftirqBatchFinish() }).toThrow('SQ-3')
  })
})

describe('SQ-7: a dead CPU', () => {
  test('SQ-7: what was pending is dropped and told', () => {
    cpuRaiseSoftirq(1, DPCI)
    cpuRaiseSoftirq(1, TIMER)
    expect(dropSoftirqs(1)).toBe(bits(DPCI, TIMER))
    expect(softirqPending(1)).toBe(0)
  })

  test('SQ-7: the notifier drops at DEAD', () => {
    cpuRaiseSoftirq(2, DPCI)
    st(T.base + T.event + CpuEvent.action, CPU_DEAD)
    st(T.base + T.event + CpuEvent.cpu, 2)
    callHandler(handlerIdOf('softirqCpuNotifier'), T.base + T.event)
    expect(softirqPending(2)).toBe(0)
  })
})
