// SPDX-License-Identifier: MIT
/**
 * A line that is asserted while the guest ends it is delivered once, and no lock waits for another in a circle: every
 * interleaving of two pCPUs within a bound. The numbers of executions are lower bounds: how many there are depends on the
 * accesses of the layers below.
 */
import { exhaustive, lockstep } from '@bottomhalf/testkit/lockstep'
import type { Exploration, Lockstep } from '@bottomhalf/testkit/lockstep'
import { beforeEach, describe, expect, test } from 'vitest'
import {
  assist, end, endForGood, endHoldingLock, endWithoutLook, exit, exitWithoutLook, isHigh, isTold, maskAndUnmask,
  requests, setupCallback, setupLine, switchToEdge, upcall,
} from './lines.model.js'

let machine: Lockstep
let d = 0
type Side = (d: number) => unknown

// Without debug checks: those of the locks would be steps too.
beforeEach(() => { machine = lockstep({ cpus: 2, debug: false }) })

function explore(first: Side, second: Side, check: () => void, preemptions = 2): Exploration {
  return exhaustive(machine, () => {
    machine.spawn(0, () => first(d))
    machine.spawn(1, () => second(d))
  }, check, { plainIsQuiet: true, preemptions })
}

function expectClean(result: Exploration, executions: number): void {
  expect(result).toMatchObject({ failure: undefined, complete: true })
  expect(result.executions).toBeGreaterThan(executions)
}

describe('GV-3: EOI against assertion', () => {
  beforeEach(() => { d = machine.call(0, () => setupLine()) })

  // dpci ends the first wire, the assist asserts the second: the line is high, and one vCPU has it
  const deliveredOnce = (): void => {
    expect(machine.call(0, () => isHigh(d))).toBe(true)
    expect(machine.call(0, () => requests(d))).toBe(1)
  }
  const race = (how: Side): Exploration => explore(how, (who) => assist(who), deliveredOnce)

  test('IA2, IA3: 2 pCPUs, up to 2 preemptions: the line is delivered exactly once', () => {
    expectClean(race((who) => end(who)), 50)
  })

  test('IA2 twin: an end that does not look at remote IRR again injects twice (2021-01, ba584fb1a2)', () => {
    expect(race((who) => endWithoutLook(who)).failure?.reason).toMatch(/2.*1|1.*2/s)
  })

  test('IA3 twin: an end that does not deliver again loses the line', () => {
    expect(race((who) => endForGood(who)).failure?.reason).toMatch(/0.*1|1.*0/s)
  })

  test('LK-4 twin: dpci told with irqLock held waits in a circle with an assist (2019-01, 603ad88fe8)', () => {
    expect(race((who) => endHoldingLock(who)).failure?.reason).toMatch(/wait|hang/i)
  })

  test('LK-4: 2 pCPUs, up to 3 preemptions: a write that informs dpci waits in no circle with an assist', () => {
    expectClean(explore((who) => switchToEdge(who), (who) => assist(who), () => {
      expect(machine.call(0, () => isHigh(d))).toBe(true)
    }, 3), 50)
  })

  test('IA3: 2 pCPUs, up to 2 preemptions: unmasking against assertion, after an EOI: delivered exactly once', () => {
    machine.call(0, () => end(d))
    expectClean(explore((who) => maskAndUnmask(who), (who) => assist(who), deliveredOnce), 50)
  })
})

describe('GV-7: the callback line', () => {
  beforeEach(() => { d = machine.call(0, () => setupCallback()) })

  const levelIsFlag = (): void => {
    expect(machine.call(0, () => isHigh(d))).toBe(machine.call(0, () => isTold(d)))
  }

  test('CB1: 2 pCPUs, up to 3 preemptions: a VM exit against a new upcall leaves the line high', () => {
    expectClean(explore((who) => exit(who), (who) => upcall(who), levelIsFlag, 3), 10)
  })

  test('CB1 twin: an exit that does not look again under irqLock loses the upcall', () => {
    expect(explore((who) => exitWithoutLook(who), (who) => upcall(who), levelIsFlag, 3).failure).toBeDefined()
  })
})
