// SPDX-License-Identifier: MIT
/** CPUs that come and go, and three notifiers that tell what they hear. */
import {
  currentCpu, handler, haltUntilInterrupt, irqDisable, irqEnable, irqsEnabled, ld, load, raiseVector, thisCpu,
} from '@bottomhalf/machine'
import {
  CPU_DEAD, CPU_DOWN_FAILED, CPU_DOWN_PREPARE, CPU_DYING, CPU_OFFLINE, CPU_ONLINE, CPU_STARTING,
  CPU_UP_CANCELED, CPU_UP_PREPARE, cpuDown, CpuEvent, cpuOnline, cpuPark, CpuState, cpuState, cpuUp,
  registerCpuNotifier, setupCpus, setVector, thisCpuOnline,
} from '../src/index.js'

/** What the notifiers heard: `who ACTION cpu @ cpu that told`. The tests clear it. */
export const story: string[] = []
/** `who ACTION`: who refuses what. */
export const refusals = new Set<string>()
/** Set to watch what is seen while others are stopped. */
export const watch = { dying: () => { /* nothing */ } }

const names = new Map([
  [CPU_UP_PREPARE, 'UP_PREPARE'], [CPU_UP_CANCELED, 'UP_CANCELED'], [CPU_STARTING, 'STARTING'], [CPU_ONLINE, 'ONLINE'],
  [CPU_DOWN_PREPARE, 'DOWN_PREPARE'], [CPU_DOWN_FAILED, 'DOWN_FAILED'], [CPU_DYING, 'DYING'], [CPU_DEAD, 'DEAD'],
])

export const REFUSED = -7

function hear(who: string, event: number): number {
  const action = names.get(ld(event + CpuEvent.action)) ?? '?'
  const cpu = ld(event + CpuEvent.cpu)
  const flags = irqsEnabled() ? '' : ', IF = 0'
  const online = cpuOnline(cpu) ? '' : ', offline'
  const parked = action === 'DEAD' && cpuState(cpu) === CPU_OFFLINE ? ', parked' : ''
  story.push(`${who} ${action} ${cpu} @ ${currentCpu()}${flags}${online}${parked}`)
  if (action === 'DYING') watch.dying()
  return refusals.has(`${who} ${action}`) ? REFUSED : 0
}

const high = handler('hotplugTest.high', (event: number) => hear('high', event))
const mid = handler('hotplugTest.mid', (event: number) => hear('mid', event))
const low = handler('hotplugTest.low', (event: number) => hear('low', event))

/** A vector that tells where it was taken. */
export const PROBE = 0x77
const probe = handler('hotplugTest.probe', () => { story.push(`probe @ ${currentCpu()}`) })

export function boot(online: number): void {
  setupCpus(online)
  setVector(PROBE, probe)
  registerCpuNotifier(mid, 0)
  registerCpuNotifier(low, -10)
  registerCpuNotifier(high, 10)
}

/** The foot of a CPU's stack: parked or idle. */
export function cpuMain(): void {
  for (;;) {
    if (!thisCpuOnline()) cpuPark()
    irqDisable()
    if (thisCpuOnline()) haltUntilInterrupt()
    irqEnable()
  }
}

/** The same, but parking looks with IF = 1 and then sleeps: what comes between is lost. */
export function cpuMainNaive(): void {
  irqEnable()
  if (load(thisCpu(CpuState) + CpuState.state) === CPU_OFFLINE) {
    irqDisable()
    haltUntilInterrupt()
  }
  cpuMain()
}

/** Works with IF = 1, counting, until it dies; then parks. */
export function workUntilDown(progress: { steps: number }): void {
  irqEnable()
  while (thisCpuOnline()) progress.steps++
  cpuMain()
}

export function up(cpu: number): number {
  irqEnable()
  return cpuUp(cpu)
}

export function down(cpu: number): number {
  irqEnable()
  return cpuDown(cpu)
}

/** Down and up again, then idle. */
export function cycle(cpu: number, times: number): number {
  irqEnable()
  let failures = 0
  for (let i = 0; i < times; i++) {
    if (cpuDown(cpu) !== 0) failures++
    if (cpuUp(cpu) !== 0) failures++
  }
  return failures
}

export function stateOf(cpu: number): number {
  return cpuState(cpu)
}

export function request(cpu: number): void {
  raiseVector(cpu, PROBE)
}
