// SPDX-License-Identifier: MIT
import { CPU_DEAD, CPU_UP_PREPARE, CpuEvent } from '@bottomhalf/cpu'
import { callHandler, currentCpu, embed, global, handler, handlerIdOf, ld, st } from '@bottomhalf/machine'
import { doSoftirq, softirqPending } from '@bottomhalf/softirq'
import { onCpu } from '@bottomhalf/testkit'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  softirqTaskletInit, Tasklet, TASKLET_LOCK_GLOBAL, TASKLET_LOCK_PER_CPU, taskletKill, taskletScheduleOnCpu,
} from '../src/index.js'
import type { TaskletRef } from '../src/index.js'
import { boot, newTasklet } from './boot.js'
import { ModelTasklets } from './model.js'
import type { Command } from './model.js'

const CPUS = 3
const TASKLETS = 4

const P = global('taskletProperty', { event: embed(CpuEvent) })
const real = { tasklets: [] as TaskletRef[], ran: [] as string[], script: [] as readonly Command[], step: 0 }

const run = handler('taskletProperty.run', (data: number) => {
  real.ran.push(`${data} @ ${currentCpu()}`)
  const next = real.script[real.step++]
  if (next !== undefined) perform({ ...next, by: currentCpu() } as Command)
})

function perform(command: Command): void {
  switch (command.kind) {
    case 'schedule': onCpu(command.by, () => { taskletScheduleOnCpu(taskletOf(command.t), command.cpu) }); return
    case 'kill': if (!runs(command.t)) onCpu(command.by, () => { taskletKill(taskletOf(command.t)) }); return
    case 'serve': onCpu(command.cpu, () => { doSoftirq() }); return
    case 'die': tell(CPU_DEAD, command.cpu); return
    case 'revive': tell(CPU_UP_PREPARE, command.cpu)
  }
}

const taskletOf = (t: number): TaskletRef => real.tasklets[t] as TaskletRef
const runs = (t: number): boolean => ld(taskletOf(t) + Tasklet.runningOn) >= 0

function tell(action: number, cpu: number): void {
  st(P.base + P.event + CpuEvent.action, action)
  st(P.base + P.event + CpuEvent.cpu, cpu)
  onCpu(0, () => callHandler(handlerIdOf('taskletCpuNotifier'), P.base + P.event))
}

const cpu = fc.nat(CPUS - 1)
const mortal = fc.integer({ min: 1, max: CPUS - 1 })
const t = fc.nat(TASKLETS - 1)
const schedule = fc.record({ kind: fc.constant('schedule' as const), by: cpu, t, cpu })
const kill = fc.record({ kind: fc.constant('kill' as const), by: cpu, t })
const serve = fc.record({ kind: fc.constant('serve' as const), cpu })
const die = fc.record({ kind: fc.constant('die' as const), cpu: mortal })
const revive = fc.record({ kind: fc.constant('revive' as const), cpu: mortal })
const inRun = fc.oneof({ weight: 6, arbitrary: schedule }, { weight: 1, arbitrary: kill })
const command: fc.Arbitrary<Command> = fc.oneof(
  { weight: 8, arbitrary: schedule }, { weight: 4, arbitrary: serve }, { weight: 1, arbitrary: kill },
  { weight: 1, arbitrary: die }, { weight: 1, arbitrary: revive })

test.each([['one lock', TASKLET_LOCK_GLOBAL], ['a lock per CPU', TASKLET_LOCK_PER_CPU]])(
  'TL-3 to TL-6: any sequence of schedules, runs, kills and deaths agrees with the model, with %s', (_, lock) => {
    const sequence = fc.array(command, { maxLength: 40 })
    fc.assert(fc.property(sequence, fc.array(inRun, { maxLength: 12 }), (commands, script) => {
      boot(CPUS, lock, false)
      real.tasklets = Array.from({ length: TASKLETS }, newTasklet)
      real.tasklets.forEach((address, n) => { softirqTaskletInit(address, run, n) })
      Object.assign(real, { ran: [], script, step: 0 })
      const model = new ModelTasklets(CPUS, script)
      for (const next of commands) {
        perform(next)
        model.do(next)
        expect(real.ran).toEqual(model.ran)
        // TL-8: what is queued has been raised
        model.queues.forEach((queue, n) => { if (queue.length > 0) expect(softirqPending(n)).not.toBe(0) })
      }
      while (model.queues.some((queue) => queue.length > 0)) for (const c of [0, 1, 2]) {
        perform({ kind: 'serve', cpu: c })
        model.do({ kind: 'serve', cpu: c })
      }
      expect(real.ran).toEqual(model.ran)
    }), { numRuns: 400 })
  })
