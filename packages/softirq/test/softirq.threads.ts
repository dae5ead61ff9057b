// SPDX-License-Identifier: MIT
/** What the threads of the stress test run: each hands work to the others and serves its own, asleep between. */
import type { SoftirqNr } from '@bottomhalf/base'
import { sendEventCheck } from '@bottomhalf/cpu'
import { cpuArea, fetchAdd, global, handler, irqEnable, load, perCpu, thisCpu, word, xchg } from '@bottomhalf/machine'
import { beginLooking, cpuRaiseSoftirq, doSoftirq, sleepUnlessPending } from '../src/index.js'

// the whole package, so that the threads know every handler
export * from '../src/index.js'

export const Stress = global('softirqStress', { taken: word, finished: word })
const Inbox = perCpu('softirqStressInbox', { left: word })

export const NUMBERS: readonly SoftirqNr[] = [0 as SoftirqNr, 4 as SoftirqNr, 10 as SoftirqNr]

/** Takes all that was handed to this CPU. */
export const takeWork = handler('softirqStress.take', () => {
  const n = xchg(thisCpu(Inbox) + Inbox.left, 0)
  if (n > 0) fetchAdd(Stress.base + Stress.taken, n)
})

/** Hand `rounds` pieces to the others, then sleep and serve until the last piece of all was taken. */
export function handAndServe(index: number, cpus: number, rounds: number): number {
  irqEnable()
  beginLooking()
  for (let i = 0; i < rounds; i++) {
    const target = (index + 1 + i % (cpus - 1)) % cpus
    fetchAdd(cpuArea(target, Inbox) + Inbox.left, 1)
    cpuRaiseSoftirq(target, NUMBERS[i % NUMBERS.length] as SoftirqNr)
    if (i % 16 === 0) doSoftirq()
  }
  let sleeps = 0
  while (load(Stress.base + Stress.taken) < cpus * rounds) {
    doSoftirq()
    if (load(Stress.base + Stress.taken) === cpus * rounds) break
    sleepUnlessPending()
    sleeps++
  }
  // whoever took the last piece wakes the others, which wait for nothing else
  for (let cpu = 0; cpu < cpus; cpu++) sendEventCheck(cpu)
  return sleeps
}
