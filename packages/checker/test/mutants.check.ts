// SPDX-License-Identifier: MIT
/**
 * The mistakes that such a search invites, each put in on purpose: the programs that are there to show it show it.
 *
 * A mistake is a method replaced; `shown` are programs with what they give instead of the true number of classes, in
 * the worst of five orders.
 */
import { afterEach, describe, expect, it, vi } from 'vitest'
import { Classes } from '../src/classes.js'
import { Executor } from '../src/executor.js'
import { HappensBefore } from '../src/happensBefore.js'
import { Op, passes } from '../src/op.js'
import { lowest } from '../src/order.js'
import type { ProgramMode } from '../src/runProgram.js'
import { scramble } from '../src/scramble.js'
import type { StrategyName } from '../src/strategies/create.js'
import { Dpor } from '../src/strategies/dpor.js'
import { Optimal } from '../src/strategies/optimal.js'
import { SleepSets } from '../src/strategies/sleepSets.js'
import { count, countInterrupts, orders, rowOf } from './helpers.js'
import { interruptPrograms } from './programs/interrupts.js'

// Methods are replaced whatever their visibility; `self` is the object with its insides open.
/* eslint-disable @typescript-eslint/no-explicit-any, @typescript-eslint/no-unsafe-member-access -- private members have no type outside */
/* eslint-disable @typescript-eslint/no-unsafe-call, @typescript-eslint/no-unsafe-assignment -- so neither has what they return */
/* eslint-disable @typescript-eslint/no-unsafe-argument, @typescript-eslint/restrict-plus-operands -- nor what is reckoned of it */
type Open = any
function replace(type: { prototype: object }, method: string, body: (self: Open, ...rest: number[]) => unknown): void {
  vi.spyOn(type.prototype as Open, method).mockImplementation(function (this: Open, ...rest: unknown[]) {
    return body(this, ...rest as number[])
  })
}
function original(type: { prototype: object }, method: string): (self: Open, ...rest: number[]) => unknown {
  const body = (type.prototype as Open)[method] as (...rest: number[]) => unknown
  return (self, ...rest) => body.apply(self, rest)
}

interface Mistake {
  readonly mistake: string
  readonly put: () => void
  readonly strategy?: StrategyName
  readonly mode?: ProgramMode
  /** Program, and the number of classes it gives with the mistake: complete ones, or [complete, blocked]. */
  readonly shown: Readonly<Record<string, number | readonly [number, number]>>
}

const mistakes: readonly Mistake[] = [
  {
    mistake: 'R1: one choice of a CPU stands for all of them',
    put: () => {
      replace(Dpor, 'want', (self, d, cpu) => {
        const executor = self.executor as Executor
        const enabled = executor.enabledAt(d) & executor.labelsOf[cpu]!
        self.wanted[d] |= 1 << lowest(enabled)
      })
    },
    shown: { '1.k1': 1, '16.cli': 3, '17.twoh': 3, '18.behind': 3 },
  },
  {
    mistake: 'R1: another CPU between two choices of one',
    put: () => {
      replace(Dpor, 'backtrack', (self) => {
        const { executor, sleepSets, wanted } = self
        for (let d = executor.depth - 1; d >= 0; d--) {
          const left = wanted[d] & ~sleepSets.covered(d)
          if (left === 0) continue
          executor.back(d)
          return self.take(d, left)
        }
        return -1
      })
    },
    shown: { '4.nocli': 253, '26.mix': 17, '9.clibad0': [5, 3] },
  },
  {
    mistake: 'R4: an entry stays asleep across steps of its own CPU',
    put: () => {
      const descend = original(SleepSets, 'stillAsleep')
      replace(SleepSets, 'stillAsleep', (self, d) => {
        const executor = self.executor as Executor
        const entries = executor.irqs & executor.labelsOf[executor.trace.cpu[d]!]! & self.asleep[d]
        return Number(descend(self, d)) | (entries & ~(1 << executor.trace.label[d]!) & ~executor.trace.started[d + 1]!)
      })
    },
    shown: { '4.nocli': 200, '9.nocli': 5 },
  },
  {
    mistake: 'R5: an entry as default choice while a step is enabled',
    put: () => {
      replace(Dpor, 'wantDefault', (self, d, awake) => {
        const executor = self.executor as Executor
        const entries = awake & executor.trace.enters[d]!
        self.want(d, executor.cpuOf[lowest(entries !== 0 ? entries : awake)])
      })
    },
    mode: 'atMost',
    shown: { '4.percpu.cli': 4, '14': 3, '17.twoh': 6 },
  },
  {
    mistake: 'R2: operations that are blocked at the end do not race',
    put: () => { replace(HappensBefore, 'ended', () => undefined) },
    shown: { '9.abba': [5, 2] },
  },
  {
    mistake: 'HB2: a blocking operation races with the last conflicting event only',
    put: () => {
      replace(HappensBefore, 'raceOfBlocking', (self, p, op, test, operand) => {
        const { executor, words, rows, cpuCount, sink } = self
        const at = executor.undo.cells[words.cellOf(self.address)]
        if (at === 0 || at <= rows[p * cpuCount + Number(executor.trace.cpu[at - 1])]) return
        if (!passes(op, test, operand, executor.trace.old[at - 1])) return
        sink.race(at, p, self.label, self.address, self.extent)
      })
    },
    mode: 'threads',
    shown: { '2.k1': 1, '4.cli': 34, '1.k3': 16 },
  },
  {
    mistake: 'no entry before the first step of the base',
    put: () => {
      const entersOf = original(Executor, 'entersOf')
      const began = (self: Open, cpu: number): boolean => {
        const { trace, depth } = self as Executor
        for (let d = 0; d < depth; d++) if (trace.cpu[d] === cpu) return true
        return false
      }
      replace(Executor, 'entersOf', (self, d, cpu) => began(self, cpu) ? entersOf(self, d, cpu) : 0)
    },
    shown: { '2.k1': 1, '13.n0': 1, '7.onestep.k1': [0, 1] },
  },
  {
    mistake: 'no entry while the base is blocked',
    put: () => {
      const entersOf = original(Executor, 'entersOf')
      replace(Executor, 'entersOf', (self, d, cpu) => {
        const { trace, labelsOf } = self as Executor
        const isBlocked = (trace.waiting[d]! & ~trace.steps[d]! & labelsOf[cpu]!) !== 0
        return isBlocked ? 0 : entersOf(self, d, cpu)
      })
    },
    shown: { '7.onestep.k1': [0, 1], '7.naive.k1': [1, 2] },
  },
  {
    mistake: 'a failed compare-and-swap is a write',
    put: () => {
      const access = original(Executor, 'access')
      replace(Executor, 'access', (self, d, op, ...rest) => {
        const value = access(self, d, op, ...rest)
        if (op === Op.Cmpxchg) (self as Executor).trace.writes[d] = 1
        return value
      })
    },
    shown: { '20.cas': 6 },
  },
  {
    mistake: 'handlers of one CPU are ordered',
    put: () => {
      const extend = original(Classes, 'extend')
      replace(Classes, 'extend', (self) => {
        extend(self)
        const { trace, depth } = self.executor as Executor
        if (trace.op[depth - 1] !== Op.Enter) return
        self.low[depth] = scramble(self.low[depth] + trace.label[depth - 1]! * depth)
      })
    },
    shown: { '12.indep': 6 },
  },
  {
    mistake: 'a transition that is one of several choices begins sequences in which its CPU does nothing',
    put: () => {
      const flags = original(Optimal, 'flags')
      replace(Optimal, 'flags', (self, d, label) => Number(flags(self, d, label)) | 2)
    },
    strategy: 'optimal',
    shown: { '23.sleep': 3, '19.span': 10 },
  },
]

afterEach(() => { vi.restoreAllMocks() })

describe.each(mistakes)('$mistake', ({ put, strategy = 'dpor', mode = 'exactly', shown }) => {
  it.each(Object.entries(shown))('%s gives %j', (name, expected) => {
    const entry = interruptPrograms.get(name)
    if (entry === undefined) throw new Error(`no program ${name}`)
    const truth = rowOf(countInterrupts(entry, mode, { strategy }))
    put()
    const seen = orders.map((order) => rowOf(countInterrupts(entry, mode, { strategy, order })))
    const wrong = seen.filter((row) => row[0] !== truth[0] || row[1] !== truth[1])
    const wanted = typeof expected === 'number' ? expected : [...expected]
    expect(wrong.map((row) => typeof expected === 'number' ? row[0] : row.slice(0, 2))).toContainEqual(wanted)
  })
})

// Rules that no program of the table needs, with one that does.
describe('rules beyond the table', () => {
  const cases: [rule: string, text: string, put: () => void][] = [
    [
      'HB4: an operation that is blocked when a handler enters above it races there',
      // CPU 0 is blocked below a handler that never returns: its lock could have come before that of CPU 1
      'prog hidden\nbase 0\nlock L\nbase 1\nlock L\nirq h 0\nwait never\nend',
      () => { replace(HappensBefore, 'leaveBlocked', () => undefined) },
    ],
    [
      'R3: a CPU whose step is blocked brings all transitions with it',
      // the handler of CPU 0 may enter while the base waits for the lock, or behind its read
      'prog stuck\nbase 0\nlock L\nrd a y\nbase 1\nlock L\nunlock L\nirq h 0\nwr y 1\nend',
      () => {
        replace(Dpor, 'want', (self, d, cpu) => {
          const executor = self.executor as Executor
          self.wanted[d] |= executor.enabledAt(d) & executor.labelsOf[cpu]!
        })
      },
    ],
  ]
  it.each(cases)('%s; without it classes are missed', (_rule, text, put) => {
    const truth = rowOf(count(text, 'exactly', { strategy: 'naive' }))
    const classes = () => orders.map((order) => rowOf(count(text, 'exactly', { order })))
    expect(classes()).toEqual(orders.map(() => truth))
    put()
    expect(Math.min(...classes().map((row) => row[0] + row[1]))).toBeLessThan(truth[0] + truth[1])
  })
})
