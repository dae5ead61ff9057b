// SPDX-License-Identifier: MIT
/** What the checker needs of the stepped machine. Loaded when the first model runs: a thread has one machine. */
import type * as MachinePackage from '@bottomhalf/machine'
import type * as EnginePackage from '@bottomhalf/machine/engine'

export interface MachinePort {
  readonly machine: typeof MachinePackage
  readonly engine: typeof EnginePackage
}

/** The machine of this thread. Throws if it is not the stepped one. */
export async function loadMachine(): Promise<MachinePort> {
  const machine = await import('@bottomhalf/machine')
  if (!('stepResult' in machine)) {
    throw new Error('models run on the stepped build: start node with --conditions=stepped (vitest: a project with that condition)')
  }
  return { machine, engine: await import('@bottomhalf/machine/engine') }
}
