// SPDX-License-Identifier: MIT
/** CPUs and agents for the tests of starting, stopping and failing. Loaded in every worker. */
import { bug } from '@bottomhalf/base'
import {
  AWAIT_EQ, AWAIT_NE, LOCAL_TIMER_VECTOR, awaitWord, cpuArea, cpuCount, cpuRelax, currentCpu, fetchAdd, global,
  haltUntilInterrupt, handler, irqDisable, irqEnable, ld, load, nowNs, perCpu, raiseVector, setDeadline,
  setInterruptEntry, st, stopRequested, store, struct, thisCpu, trace, word, words, xzalloc,
} from '@bottomhalf/machine'
import type { AgentContext } from '../src/index.js'

const G = global('testMachine', { lock: word, booted: word, agentEnded: word, heard: word })
const C = perCpu('testCpu', { vectors: word, wakeups: word, lastVector: word, log: words(4) })
const Thing = struct('Thing', { a: word, b: word })

const takeVector = handler('takeVector', (vector) => {
  st(thisCpu(C) + C.vectors, ld(thisCpu(C) + C.vectors) + 1)
  st(thisCpu(C) + C.lastVector, vector)
})

/** Vector that asks a CPU to look whether it shall do something. */
const LOOK_VECTOR = 0x41

export function boot(data: unknown): void {
  setInterruptEntry(takeVector)
  store(G.base + G.booted, currentCpu() + 1)
  if (data === 'throw in boot') throw new Error('no boot today')
  if (data === 'loop in boot') for (;;) st(G.base + G.lock, 0)
}

export function report(cpu: number, data: unknown): unknown {
  if (data === 'report a function') return () => cpu
  const mine = cpuArea(cpu, C)
  return {
    cpu: currentCpu(), booted: load(G.base + G.booted), agentEnded: load(G.base + G.agentEnded),
    vectors: ld(mine + C.vectors), wakeups: ld(mine + C.wakeups), lastVector: ld(mine + C.lastVector),
  }
}

// ---- CPUs

handler('returns', () => undefined)

/** Sleeps until the machine stops; counts how often it woke. */
handler('idles', () => {
  while (!stopRequested()) {
    irqDisable()
    haltUntilInterrupt()
    st(thisCpu(C) + C.wakeups, ld(thisCpu(C) + C.wakeups) + 1)
  }
})

/** CPU 1 breaks an invariant while CPU 0 waits for it and the others sleep. */
handler('breaks', (cpu) => {
  trace(7, cpu, 0)
  if (cpu !== 1) return waitForever(cpu)
  for (let other = 0; other < cpuCount(); other++) if (other !== 1) awaitWord(cpuArea(other, C) + C.log, AWAIT_EQ, 1)
  xzalloc(2, Thing.tag)
  return bug('this cannot be', 'I5')
})

/** CPU 1 takes the lock and is never seen again: the test kills it. The others spin for the lock. */
handler('holdsLock', (cpu) => {
  if (cpu !== 1) {
    awaitWord(G.base + G.lock, AWAIT_NE, 0)
    store(thisCpu(C) + C.log, 1)
    awaitWord(G.base + G.lock, AWAIT_EQ, 0)
    return
  }
  store(G.base + G.lock, 1)
  for (;;) cpuRelax()
})

/** Neither stops, nor waits, nor looks: CPU 1. */
handler('deaf', (cpu) => {
  if (cpu !== 1) return waitForever(cpu)
  for (;;) st(thisCpu(C) + C.log, ld(thisCpu(C) + C.log) ^ 1)
})

/** Eats its JavaScript heap: CPU 1. */
handler('hungry', (cpu) => {
  if (cpu !== 1) return waitForever(cpu)
  const eaten: number[][] = []
  for (;;) eaten.push(Array<number>(10_000).fill(eaten.length))
})

/** Two CPUs each wait at stop for what only the other would do. */
handler('stuckAtStop', () => {
  while (!stopRequested()) cpuRelax()
  awaitWord(G.base + G.lock, AWAIT_NE, 0)
})

/** Asks for its timer and sleeps until it has come. */
handler('waitsForTimer', () => {
  setDeadline(nowNs() + 3e6)
  irqDisable()
  while (ld(thisCpu(C) + C.lastVector) !== LOCAL_TIMER_VECTOR) {
    haltUntilInterrupt()
    irqDisable()
  }
})

/** CPU 0 sends a vector to each other CPU; each is done when it has come, and CPU 0 when all are. */
handler('greets', (cpu) => {
  irqEnable()
  if (cpu === 0) {
    for (let other = 1; other < cpuCount(); other++) raiseVector(other, LOOK_VECTOR)
    awaitWord(G.base + G.heard, AWAIT_EQ, cpuCount() - 1)
    return
  }
  irqDisable()
  while (ld(thisCpu(C) + C.vectors) === 0) {
    haltUntilInterrupt()
    irqDisable()
  }
  fetchAdd(G.base + G.heard, 1)
})

handler('leavesTimer', () => {
  setInterval(() => undefined, 1000)
})

function waitForever(cpu: number): void {
  store(thisCpu(C) + C.log, 1)
  if (cpu === 0) awaitWord(G.base + G.lock, AWAIT_EQ, -1)
  for (;;) {
    irqDisable()
    haltUntilInterrupt()
  }
}

// ---- agents

/** Does nothing until asked to stop; leaves a mark that CPUs see when they end. */
export function device({ data, pause, stopping }: AgentContext<number>): unknown {
  let pauses = 0
  while (!pause(data)) pauses++
  store(G.base + G.agentEnded, 1)
  return { cpu: currentCpu(), stopping: stopping(), pauses }
}

export function quickDevice(): string {
  raiseVector(0, LOOK_VECTOR)
  return 'done'
}

export function brokenDevice(): void {
  throw new Error('the device burnt down')
}

export function deafDevice(): void {
  for (;;) st(G.base + G.agentEnded, 0)
}

/** Ends when the lock is held and the other CPUs spin for it: who has come to the spin, by CPU. */
export function seesLockHeld(): number[] {
  awaitWord(G.base + G.lock, AWAIT_NE, 0)
  const spins = Array.from({ length: cpuCount() }, (_, cpu) => cpuArea(cpu, C) + C.log)
  for (const [cpu, spin] of spins.entries()) if (cpu !== 1) awaitWord(spin, AWAIT_EQ, 1)
  return spins.map((spin) => load(spin))
}

/** Waits in the machine's memory for what never comes. */
export function waitingDevice(): void {
  awaitWord(G.base + G.lock, AWAIT_EQ, -1)
}
