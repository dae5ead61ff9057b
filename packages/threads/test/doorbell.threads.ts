// SPDX-License-Identifier: MIT
/**
 * A CPU that sleeps until a vector comes, and an agent that sends one after the other, each when the one before was
 * answered, often at the very moment when the CPU falls asleep.
 */
import {
  Cpu, boundMemory, cpuArea, global, haltUntilInterrupt, handler, irqDisable, irqEnable, load, raiseVector,
  setInterruptEntry, store, stopRequested, thisCpu, word,
} from '@bottomhalf/machine'
import type { AgentContext } from '../src/index.js'

const G = global('doorbell', { taken: word, asleep: word })
const words = new Int32Array(boundMemory().buffer)

const takeVector = handler('takeVector', () => { store(G.base + G.taken, load(G.base + G.taken) + 1) })

export function boot(): void {
  setInterruptEntry(takeVector)
}

const sleepWith = (halt: () => void) => () => {
  while (!stopRequested()) {
    irqDisable()
    halt()
  }
}

handler('sleeps', sleepWith(haltUntilInterrupt))

/** The twin: the last look at the requests comes before the doorbell is set, so a request in between rings nobody. */
handler('sleepsCarelessly', sleepWith(() => {
  const machineWords = thisCpu({ base: 0 })
  if (load(machineWords + Cpu.vectorSummary) === 0) {
    store(machineWords + Cpu.doorbell, 1)
    Atomics.wait(words, machineWords + Cpu.doorbell, 1)
    store(machineWords + Cpu.doorbell, 0)
  }
  irqEnable()
}))

export interface Sent { readonly answered: number, readonly asleep: number, readonly lost: boolean }

/** Send `times` vectors. `asleep` counts those that met a CPU with its doorbell set. */
export function send({ data: times, stopping }: AgentContext<number>): Sent {
  let asleep = 0
  for (let n = 0; n < times && !stopping(); n++) {
    // every other time wait until it sleeps; else strike while it falls asleep
    if (n % 2 === 0) wait(() => load(doorbell()) === 1, stopping)
    if (load(doorbell()) === 1) asleep++
    raiseVector(0, 0x40)
    if (!wait(() => load(G.base + G.taken) > n, stopping)) return { answered: n, asleep, lost: true }
  }
  return { answered: load(G.base + G.taken), asleep, lost: false }
}

const doorbell = (): number => cpuArea(0, { base: 0 }) + Cpu.doorbell
const summary = (): number => cpuArea(0, { base: 0 }) + Cpu.vectorSummary

/** Wait; false if meanwhile the CPU sleeps with a request before it for 400 looks in a row, a millisecond apart. */
function wait(done: () => boolean, stopping: () => boolean): boolean {
  const never = new Int32Array(new SharedArrayBuffer(4))
  let overslept = 0
  for (let spins = 1; !done(); spins++) {
    if (spins < 5000) continue
    if (stopping()) return false
    Atomics.wait(never, 0, 0, 1)
    overslept = load(summary()) !== 0 && load(doorbell()) === 1 ? overslept + 1 : 0
    if (overslept > 400) return false
  }
  return true
}
