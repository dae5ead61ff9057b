// SPDX-License-Identifier: MIT
/** What the threads of the stress test run: timers that set themselves again while others move and kill them. */
import { bug } from '@bottomhalf/base'
import { sendEventCheck } from '@bottomhalf/cpu'
import {
  cpuRelax, currentCpu, fetchAdd, global, handler, irqEnable, load, nowNs, store, word, words,
} from '@bottomhalf/machine'
import { beginLooking, doSoftirq, sleepUnlessPending } from '@bottomhalf/softirq'
import { initTimer, killTimer, migrateTimer, setTimer } from '../src/index.js'

// the whole package, so that the threads know every handler
export * from '../src/index.js'

export const TIMERS = 8
export const VICTIMS = 100

export const Stress = global('timerStress', {
  timers: words(TIMERS * 32), calls: words(TIMERS), inside: words(TIMERS), ended: word,
  victims: words((VICTIMS + 1) * 32), current: word, buried: word, runs: word,
})

export const timerOf = (n: number): number => Stress.base + Stress.timers + n * 32
export const victimOf = (n: number): number => Stress.base + Stress.victims + n * 32

/** Sets itself again until it was called `rounds` times. */
export const periodic = handler('timerStress.periodic', (arg: number) => {
  const n = arg & 0xff
  const rounds = arg >>> 8
  const calls = fetchAdd(Stress.base + Stress.calls + n, 1) + 1
  if (calls < rounds) setTimer(timerOf(n), nowNs() + 20_000)
  else if (fetchAdd(Stress.base + Stress.ended, 1) === TIMERS - 1) wakeAll()
})

function wakeAll(): void {
  for (let cpu = 0; cpu < 4; cpu++) sendEventCheck(cpu)
}

/** Start the timers of this CPU, move all timers about, sleep and serve until all have ended. */
export function runTimers(index: number, cpus: number, rounds: number): void {
  irqEnable()
  beginLooking()
  for (let n = index; n < TIMERS; n += cpus) {
    initTimer(timerOf(n), periodic, n | rounds << 8, index)
    setTimer(timerOf(n), nowNs())
  }
  for (let i = 0; load(Stress.base + Stress.ended) < TIMERS; i++) {
    const n = (index + i) % TIMERS
    if (load(Stress.base + Stress.calls + n) > 0) migrateTimer(timerOf(n), (index + i * 3) % cpus)
    doSoftirq()
    if (load(Stress.base + Stress.ended) < TIMERS && i % 4 === 0) sleepUnlessPending()
  }
}

/** A call after the kill is a BUG. Sets itself again, on another CPU. */
export const runVictim = handler('timerStress.victim', (n: number) => {
  fetchAdd(Stress.base + Stress.runs, 1)
  if (load(Stress.base + Stress.buried) >= n) bug('a timer is called after it was killed', 'TM-1')
  migrateTimer(victimOf(n), (currentCpu() + 1) % 4)
  setTimer(victimOf(n), nowNs())
  if (load(Stress.base + Stress.buried) >= n) bug('a timer is called after it was killed', 'TM-1')
})

/** CPU 0 makes one timer after the other and kills it while it runs about and others set it. */
export function killUnderFire(index: number, cpus: number): void {
  irqEnable()
  if (index === 0) makeAndKill()
  else fire(cpus)
}

function makeAndKill(): void {
  for (let n = 1; n <= VICTIMS; n++) {
    initTimer(victimOf(n), runVictim, n, 1)
    store(Stress.base + Stress.current, n)
    const before = load(Stress.base + Stress.runs)
    setTimer(victimOf(n), nowNs())
    while (load(Stress.base + Stress.runs) === before) {
      doSoftirq()
      cpuRelax()
    }
    killTimer(victimOf(n))
    store(Stress.base + Stress.buried, n)
  }
}

function fire(cpus: number): void {
  let i = currentCpu()
  while (load(Stress.base + Stress.buried) < VICTIMS) {
    const n = load(Stress.base + Stress.current)
    if (n > 0) {
      migrateTimer(victimOf(n), i++ % cpus)
      setTimer(victimOf(n), nowNs())
    }
    doSoftirq()
    cpuRelax()
  }
}
