// SPDX-License-Identifier: MIT
/** Let sequences happen to one machine, again and again: booted once, put back before each. */
import { faultsAtRest } from '@bottomhalf/hypervisor'
import { NO_CPU } from '@bottomhalf/machine'
import { lockstep, reasonOf, sticky, type Lockstep } from '@bottomhalf/testkit/lockstep'
import { boot, happen, runCpu, type Sabotage } from './machine.model.js'
import { CPUS, type Script } from './script.js'

const MAX_STEPS = 4_000_000
const STAY = 0.97
/** A slow machine, so that time-outs come in the middle of things. */
const NS_PER_STEP = 500

/** A machine that is booted and put back before each sequence. Returns what went wrong in one; undefined: nothing. */
export function sequences(sabotage: Sabotage = 'none'): (script: Script, seed: number) => string | undefined {
  const machine = lockstep({ cpus: CPUS, debug: true, interrupts: 'free', nsPerStep: NS_PER_STEP })
  machine.call(0, () => boot())
  const start = machine.snapshot()
  return (script, seed) => {
    machine.restore(start)
    return run(machine, script, seed, sabotage)
  }
}

function run(machine: Lockstep, script: Script, seed: number, sabotage: Sabotage): string | undefined {
  for (let cpu = 0; cpu < CPUS; cpu++) machine.spawn(cpu, () => runCpu(cpu), `CPU ${cpu}`)
  machine.spawn(NO_CPU, () => happen(script, sabotage), 'outside')
  const outcome = machine.run(sticky(seed, STAY), { maxSteps: MAX_STEPS })
  if (outcome.verdict !== 'finished') return reasonOf(outcome)
  const faults = machine.call(0, () => faultsAtRest())
  return faults.length === 0 ? undefined : faults.map(({ label, found }) => `${label}: ${found}`).join('; ')
}
