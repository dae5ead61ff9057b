// SPDX-License-Identifier: MIT
/** What the threads of the stress tests run. */
import { bug } from '@bottomhalf/base'
import { sendEventCheck } from '@bottomhalf/cpu'
import {
  cpuRelax, fetchAdd, global, handler, irqEnable, load, store, word, words, xchg,
} from '@bottomhalf/machine'
import { beginLooking, doSoftirq, processPendingSoftirqs, sleepUnlessPending } from '@bottomhalf/softirq'
import { softirqTaskletInit, taskletKill, taskletScheduleOnCpu } from '../src/index.js'

// the whole package, so that the threads know every handler
export * from '../src/index.js'

export const TASKLETS = 8
export const VICTIMS = 200

export const Stress = global('taskletStress', {
  tasklets: words(TASKLETS * 32), left: words(TASKLETS), inside: words(TASKLETS),
  taken: word, victims: words((VICTIMS + 1) * 32), current: word, buried: word, runs: word,
})

export const victimOf = (n: number): number => Stress.base + Stress.victims + n * 32
export const taskletOf = (n: number): number => Stress.base + Stress.tasklets + n * 32

/** Takes all the work of tasklet `n`; two threads inside is a BUG. */
export const takeWork = handler('taskletStress.take', (n: number) => {
  if (fetchAdd(Stress.base + Stress.inside + n, 1) !== 0) bug('two CPUs run one tasklet', 'T3')
  fetchAdd(Stress.base + Stress.taken, xchg(Stress.base + Stress.left + n, 0))
  fetchAdd(Stress.base + Stress.inside + n, -1)
})

/** A run after the kill is a BUG. */
export const runVictim = handler('taskletStress.victim', (n: number) => {
  fetchAdd(Stress.base + Stress.runs, 1)
  if (load(Stress.base + Stress.buried) >= n) bug('a tasklet runs after it was killed', 'TL-5')
})

/** Hand `rounds` pieces to tasklets on all CPUs, then sleep and serve until the last piece of all was taken. */
export function scheduleAndServe(index: number, cpus: number, rounds: number): void {
  irqEnable()
  beginLooking()
  for (let i = 0; i < rounds; i++) {
    const n = (index + i) % TASKLETS
    fetchAdd(Stress.base + Stress.left + n, 1)
    taskletScheduleOnCpu(taskletOf(n), (index + i * 7) % cpus)
    if (i % 4 === 0) doSoftirq()
  }
  while (load(Stress.base + Stress.taken) < cpus * rounds) {
    doSoftirq()
    if (load(Stress.base + Stress.taken) === cpus * rounds) break
    sleepUnlessPending()
  }
  for (let cpu = 0; cpu < cpus; cpu++) sendEventCheck(cpu)
}

/** CPU 0 makes one tasklet after the other and kills it while the others schedule it all the time. */
export function killUnderFire(index: number, cpus: number): void {
  irqEnable()
  if (index === 0) makeAndKill()
  else fire(index, cpus)
}

function makeAndKill(): void {
  for (let n = 1; n <= VICTIMS; n++) {
    softirqTaskletInit(victimOf(n), runVictim, n)
    store(Stress.base + Stress.current, n)
    awaitRun()
    taskletKill(victimOf(n))
    store(Stress.base + Stress.buried, n)
  }
}

/** Until somebody has run something once more. */
function awaitRun(): void {
  const before = load(Stress.base + Stress.runs)
  while (load(Stress.base + Stress.runs) === before) {
    processPendingSoftirqs()
    cpuRelax()
  }
}

function fire(index: number, cpus: number): void {
  let target = index
  while (load(Stress.base + Stress.buried) < VICTIMS) {
    const n = load(Stress.base + Stress.current)
    if (n > 0) taskletScheduleOnCpu(victimOf(n), target)
    target = (target + 1) % cpus
    doSoftirq()
    cpuRelax()
  }
}
