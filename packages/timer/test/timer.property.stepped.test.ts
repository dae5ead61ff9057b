// SPDX-License-Identifier: MIT
import { NO_CPU } from '@bottomhalf/machine'
import { lockstep } from '@bottomhalf/testkit/lockstep'
import type { Lockstep } from '@bottomhalf/testkit/lockstep'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { TIMER_SLOP_NS } from '../src/index.js'
import { active, boot, calls, kill, make, migrate, serve, set, stop, tell } from './timer.model.js'

const CPUS = 3
const TIMERS = 6

type OnTimer =
  { readonly kind: 'set', readonly by: number, readonly n: number, readonly inUs: number } |
  { readonly kind: 'stop' | 'kill' | 'make', readonly by: number, readonly n: number } |
  { readonly kind: 'migrate', readonly by: number, readonly n: number, readonly cpu: number }
interface OnCpu { readonly kind: 'die' | 'revive', readonly cpu: number }
interface Pass { readonly kind: 'pass', readonly us: number }
type Command = OnTimer | OnCpu | Pass

/** The reference: what is set, in order of time. */
class ModelTimers {
  readonly timers = Array.from({ length: TIMERS }, (_, n) => ({ cpu: n % CPUS, at: -1, killed: false }))
  readonly alive = [true, true, true]

  do(command: OnTimer, now: number): void {
    const timer = this.of(command.n)
    const home = (cpu: number): number => this.alive[cpu] === true ? cpu : command.by
    switch (command.kind) {
      case 'set':
        if (!timer.killed) Object.assign(timer, { at: now + command.inUs * 1000, cpu: home(timer.cpu) })
        return
      case 'stop': timer.at = -1; return
      case 'kill': Object.assign(timer, { at: -1, killed: true }); return
      case 'make': if (timer.at < 0) Object.assign(timer, { killed: false, cpu: command.by }); return
      case 'migrate': timer.cpu = home(command.cpu)
    }
  }

  of(n: number): { cpu: number, at: number, killed: boolean } {
    return this.timers[n] as { cpu: number, at: number, killed: boolean }
  }

  live({ kind, cpu }: OnCpu): void {
    this.alive[cpu] = kind === 'revive'
    if (kind === 'revive') return
    for (const timer of this.timers) if (timer.cpu === cpu && timer.at >= 0) timer.cpu = 0
  }
}

function perform(machine: Lockstep, model: ModelTimers, command: OnTimer): void {
  switch (command.kind) {
    case 'set': machine.call(command.by, () => set(command.n, machine.nowNs() + command.inUs * 1000)); return
    case 'stop': machine.call(command.by, () => stop(command.n)); return
    case 'kill': machine.call(command.by, () => kill(command.n)); return
    case 'migrate': machine.call(command.by, () => migrate(command.n, command.cpu)); return
    case 'make':
      if (model.of(command.n).at < 0) machine.call(command.by, () => make(command.n, 'plain', command.by))
  }
}

/** Let time pass, then let each living CPU serve: what is called must be due, in order, and nothing due may stay. */
function pass(machine: Lockstep, model: ModelTimers, us: number): void {
  const { words, nowNs } = machine.snapshot()
  machine.restore({ words, nowNs: nowNs + us * 1000 })
  for (let cpu = 0; cpu < CPUS; cpu++) {
    if (model.alive[cpu] !== true) continue
    calls.length = 0
    machine.call(cpu, () => serve())
    const called = calls.map((line) => Number(line.split(' ', 1)[0]))
    const times = called.map((n) => model.of(n).at)
    expect(times).toEqual([...times].sort((a, b) => a - b))
    for (const n of called) {
      expect(model.of(n)).toMatchObject({ cpu, killed: false })
      expect(model.of(n).at).toBeGreaterThanOrEqual(0)
      expect(model.of(n).at).toBeLessThanOrEqual(machine.nowNs())
      model.of(n).at = -1
    }
    for (const timer of model.timers) {
      if (timer.cpu === cpu && timer.at >= 0) expect(timer.at).toBeGreaterThan(machine.nowNs() - TIMER_SLOP_NS)
    }
  }
}

const cpu = fc.nat(CPUS - 1)
const n = fc.nat(TIMERS - 1)
const inUs = fc.integer({ min: -50, max: 400 })
const kind = <K extends string>(...kinds: readonly K[]): fc.Arbitrary<K> => fc.constantFrom(...kinds)
const command: fc.Arbitrary<Command> = fc.oneof(
  { weight: 8, arbitrary: fc.record({ kind: kind('set'), by: cpu, n, inUs }) },
  { weight: 6, arbitrary: fc.record({ kind: kind('pass'), us: fc.nat(200) }) },
  { weight: 2, arbitrary: fc.record({ kind: kind('stop', 'kill', 'make'), by: cpu, n }) },
  { weight: 2, arbitrary: fc.record({ kind: kind('migrate'), by: cpu, n, cpu }) },
  { weight: 1, arbitrary: fc.record({ kind: kind('die', 'revive'), cpu: fc.integer({ min: 1, max: CPUS - 1 }) }) })

function take(machine: Lockstep, model: ModelTimers, next: Command): void {
  if (next.kind === 'pass') return pass(machine, model, next.us)
  if (!('by' in next)) {
    machine.call(0, () => tell(next.kind === 'die' ? 'dead' : 'up', next.cpu))
    return model.live(next)
  }
  if (model.alive[next.by] !== true) return
  perform(machine, model, next)
  model.do(next, machine.nowNs())
}

test('TM-1, TM-3: any sequence of sets, stops, kills, moves, deaths and time agrees with the model', () => {
  const machine = lockstep({ cpus: CPUS, debug: false, irqsOn: true })
  machine.call(0, () => boot(CPUS, CPUS))
  const start = machine.snapshot()
  fc.assert(fc.property(fc.array(command, { maxLength: 40 }), (commands) => {
    machine.restore({ words: start.words, nowNs: 1_000_000 })
    const model = new ModelTimers()
    for (const next of commands) {
      take(machine, model, next)
      for (let i = 0; i < TIMERS; i++) expect(machine.call(NO_CPU, () => active(i))).toBe(model.of(i).at >= 0)
    }
  }), { numRuns: 300 })
})
