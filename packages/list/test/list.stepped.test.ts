// SPDX-License-Identifier: MIT
import { NO_CPU } from '@bottomhalf/machine'
import { exhaustive, lockstep } from '@bottomhalf/testkit/lockstep'
import type { Lockstep } from '@bottomhalf/testkit/lockstep'
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  listAdd, listAddTail, listDel, listDelInit, listEmpty, listFirst, ListHead, listInit, listIsQueued,
  listMove, listMoveTail, listNext, listPop, listReplace, listSpliceInit, listSpliceTailInit,
} from '../src/index.js'
import { programs, stepArrays } from './model.js'
import type { Arrays, Step } from './model.js'
import {
  addBare, addInInterrupt, addIrqsOff, addLocked, headOf, interrupt, nodeOf, perform, sharedHead, sharedNode,
  startProgram, walk, walks,
} from './programs.model.js'

test('the stepped build: any program leaves the lists that the same program on arrays leaves', () => {
  const check = (program: readonly Step[]): void => {
    const machine = lockstep({ cpus: 1 })
    const base = machine.call(0, () => startProgram())
    const arrays: Arrays = [[], []]
    for (const step of program) {
      const args = stepArrays(arrays, step)
      if (args !== undefined) machine.call(0, () => perform(base, step.op, args))
    }
    const lists = [0, 1].map((list) => machine.call(0, () => walks(base, list)))
    expect(lists).toEqual(arrays.map((list) => ({ forth: list, back: list })))
  }
  fc.assert(fc.property(programs, check), { numRuns: 200 })
})

describe('accesses per operation, without debug checks', () => {
  const machine = (): { m: Lockstep, head: number, other: number, node: (n: number) => number } => {
    const m = lockstep({ cpus: 1, debug: false })
    const base = m.call(0, () => startProgram())
    for (const n of [0, 1, 2]) m.call(0, () => listAddTail(nodeOf(base, n), headOf(base, 0)))
    return { m, head: headOf(base, 0), other: headOf(base, 1), node: (n) => nodeOf(base, n) }
  }

  test.each([
    ['listInit', { st: 2 }, (head: number) => listInit(head)],
    ['listAdd', { ld: 1, st: 4 }, (head: number, node: number) => listAdd(node, head)],
    ['listAddTail', { ld: 1, st: 4 }, (head: number, node: number) => listAddTail(node, head)],
    ['listEmpty', { ld: 1 }, (head: number) => listEmpty(head)],
    ['listFirst', { ld: 1 }, (head: number) => listFirst(head)],
  ] as const)('%s: %o', (_name, counts, operation) => {
    const { m, head, node } = machine()
    expect(m.countsOf(0, () => operation(head, node(3)))).toEqual(counts)
  })

  test.each([
    ['listDel', { ld: 2, st: 4 }, (node: number) => listDel(node)],
    ['listDelInit', { ld: 2, st: 4 }, (node: number) => listDelInit(node)],
    ['listIsQueued', { ld: 1 }, (node: number) => listIsQueued(node)],
    ['listNext', { ld: 1 }, (node: number, head: number) => listNext(node, head)],
    ['listMove', { ld: 3, st: 6 }, (node: number, head: number) => listMove(node, head)],
    ['listMoveTail', { ld: 3, st: 6 }, (node: number, head: number) => listMoveTail(node, head)],
  ] as const)('%s of a node that is queued: %o', (_name, counts, operation) => {
    const { m, head, node } = machine()
    expect(m.countsOf(0, () => operation(node(1), head))).toEqual(counts)
  })

  test('listReplace: 2 ld, 4 st; listPop: 3 ld, 4 st', () => {
    const { m, head, node } = machine()
    expect(m.countsOf(0, () => listReplace(node(1), node(3)))).toEqual({ ld: 2, st: 4 })
    expect(m.countsOf(0, () => listPop(head))).toEqual({ ld: 3, st: 4 })
  })

  test('splicing a list of any length: 4 ld, 6 st; an empty one: 1 ld', () => {
    const { m, head, other } = machine()
    expect(m.countsOf(0, () => listSpliceInit(head, other))).toEqual({ ld: 4, st: 6 })
    expect(m.countsOf(0, () => listSpliceTailInit(other, head))).toEqual({ ld: 4, st: 6 })
    expect(m.countsOf(0, () => listSpliceInit(other, head))).toEqual({ ld: 1 })
  })

  test('a walk: 1 ld, and 1 per node', () => {
    const { m, head } = machine()
    expect(m.countsOf(0, () => walk(head))).toEqual({ ld: 4 })
  })
})

describe('who may touch a list', () => {
  const nodesOf = (machine: Lockstep): number[] => {
    const seen: number[] = []
    let at = machine.memory[sharedHead() + ListHead.next] ?? 0
    for (let steps = 0; at !== sharedHead() && steps < 9; steps++) {
      seen.push(at)
      at = machine.memory[at + ListHead.next] ?? 0
    }
    return seen.sort((a, b) => a - b)
  }
  const start = (cpus: number, interrupts = false): Lockstep => {
    const machine = lockstep({ cpus, debug: false, interrupts: 'free', interruptEntry: addInInterrupt, irqsOn: interrupts })
    machine.call(0, () => listInit(sharedHead()))
    return machine
  }
  const onTwoCpus = (add: (n: number) => void) => {
    const machine = start(2)
    return exhaustive(machine, () => {
      machine.spawn(0, () => add(1))
      machine.spawn(1, () => add(2))
    }, () => { expect(nodesOf(machine)).toEqual([sharedNode(1), sharedNode(2)]) })
  }
  const besideInterrupt = (add: (n: number) => void) => {
    const machine = start(1, true)
    machine.call(NO_CPU, () => interrupt(0))
    return exhaustive(machine, () => {
      machine.spawn(0, () => add(1))
    }, () => { expect(nodesOf(machine)).toEqual([sharedNode(0), sharedNode(1)]) })
  }

  test('two CPUs under a lock lose no node in any schedule; without it one is lost', () => {
    expect(onTwoCpus(addLocked)).toMatchObject({ complete: true, failure: undefined })
    expect(onTwoCpus(addBare).failure).toBeDefined()
  })

  test('base and interrupt of one CPU lose no node with interrupts off; with them on one is lost', () => {
    expect(besideInterrupt(addIrqsOff)).toMatchObject({ complete: true, failure: undefined })
    expect(besideInterrupt(addBare).failure).toBeDefined()
  })
})
