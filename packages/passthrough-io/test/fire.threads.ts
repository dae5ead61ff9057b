// SPDX-License-Identifier: MIT
/** What the threads of dpci.stress.ts run: CPUs that serve, a CPU that unbinds and binds, a CPU that lets arrivals come. */
import {
  awaitWord, AWAIT_EQ, cpuRelax, currentCpu, fetchAdd, global, irqEnable, lineBreak, load, raiseVector, store, word,
} from '@bottomhalf/machine'
import { doSoftirq } from '@bottomhalf/softirq'
import { dpciDomain } from '../src/index.js'
import { GVECS, rebind } from './fire.model.js'
import { ARRIVAL_VECTORS, takeRequested } from './setup.model.js'

export const Fire = global('testThreads', {
  // atomic: arrivals so far; arrivals that the guest had seen when it looked last; 1 when sources and control are over
  arrived: word, producerLine: lineBreak, seen: word, seenLine: lineBreak, over: word,
})

const arrived = () => Fire.base + Fire.arrived
const seen = () => Fire.base + Fire.seen
const over = () => Fire.base + Fire.over

/** Serve, and be the guest: take what was delivered, then look at the device. Returns how often there was something. */
function serve(dpci: number): number {
  const d = dpciDomain(dpci)
  let taken = 0
  while (load(over()) === 0) {
    doSoftirq()
    if (takeRequested(d, GVECS[0])) {
      store(seen(), load(arrived()))
      taken++
    }
    cpuRelax()
  }
  doSoftirq()
  return taken
}

/** Bursts of up to three arrivals on any of the first `cpus` CPUs; each is waited for until the guest has seen it. */
function burst(bursts: number, cpus: number): number {
  for (let n = 0; n < bursts; n++) {
    for (let i = 0; i <= n % 3; i++) {
      fetchAdd(arrived(), 1)
      raiseVector((n * 7 + i) % cpus, ARRIVAL_VECTORS[0])
    }
    awaitWord(seen(), AWAIT_EQ, load(arrived()))
  }
  store(over(), 1)
  return load(arrived())
}

/** The last thread lets arrivals come, the others serve. */
export function spread(index: number, dpci: number, bursts: number, last: number): number {
  irqEnable()
  return index === last ? burst(bursts, last) : serve(dpci)
}

/** Thread 0 unbinds and binds, the last lets arrivals come all the while, the others serve. */
export function rebinding(index: number, dpci: number, times: number, last: number): number {
  irqEnable()
  if (index === last) return arrivals(last)
  if (index > 0) return serve(dpci)
  for (let n = 0; n < times; n++) {
    rebind(dpci)
    doSoftirq()
  }
  store(over(), 1)
  return times
}

function arrivals(cpus: number): number {
  let n = 0
  for (; load(over()) === 0; n++) {
    fetchAdd(arrived(), 1)
    raiseVector(n % cpus, ARRIVAL_VECTORS[0])
    cpuRelax()
  }
  return currentCpu() === cpus ? n : -1
}
