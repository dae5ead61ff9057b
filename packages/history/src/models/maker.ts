// SPDX-License-Identifier: MIT
/** What models are made by, and parts that many of them have. */
import type { ModelDefinition, ModelInterrupt } from '@bottomhalf/checker'
import { arrive } from './world.js'

/** Makes a model of its parameters; every one that the catalogue lists has a value. */
export type ModelMaker = (values: Readonly<Partial<Record<string, number>>>) => ModelDefinition<unknown>

/** Interrupts of a device at a CPU, `times` of them. */
export function arrivals(device: number, cpu: number, times: number): ModelInterrupt<unknown>[] {
  const name = device === 0 ? `irq@${cpu}` : `irq of ${device}@${cpu}`
  return times > 0 ? [{ cpu, name, times, run: () => { arrive(device) } }] : []
}

/** How many of `irqs` interrupts come to a CPU: all to CPU 0, or, `spread`, to each in turn. */
export function strikes(cpu: number, cpus: number, irqs: number, spread: number): number {
  if (spread === 0) return cpu === 0 ? irqs : 0
  return Math.floor((irqs + cpus - 1 - cpu) / cpus)
}
