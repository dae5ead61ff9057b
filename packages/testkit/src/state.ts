// SPDX-License-Identifier: MIT
/** What a machine holds, as plain data that can be compared: areas and blocks of the heap, by name. */
import { boundMemory, cpuArea, cpuCount, declaredAreas, liveBlocks, structNameOfTag } from '@bottomhalf/machine'

/** Words by the name of the area or block that they stand in. */
export type MachineState = Readonly<Record<string, readonly number[]>>

/** The state of a machine at rest. Areas of these names are left out: what changes by itself. */
export function machineState(except: readonly string[] = []): MachineState {
  const words = new Int32Array(boundMemory().buffer)
  const state: Record<string, number[]> = {}
  const keep = (name: string, at: number, size: number): void => { state[name] = [...words.subarray(at, at + size)] }
  const { global, perCpu } = declaredAreas()
  for (const area of global) if (!except.includes(area.structName)) keep(area.structName, area.base, area.sizeWords)
  for (const area of perCpu) {
    if (except.includes(area.structName)) continue
    for (let cpu = 0; cpu < cpuCount(); cpu++) keep(`${area.structName} of CPU ${cpu}`, cpuArea(cpu, area), area.sizeWords)
  }
  for (const { address, words: size, tag } of liveBlocks()) keep(`${structNameOfTag(tag)} at ${address}`, address, size)
  return state
}

/** Names of what differs between two states. */
export function changesOf(before: MachineState, after: MachineState): string[] {
  const names = new Set([...Object.keys(before), ...Object.keys(after)])
  return [...names].filter((name) => !sameWords(before[name], after[name]))
}

function sameWords(a: readonly number[] | undefined, b: readonly number[] | undefined): boolean {
  return a !== undefined && a.length === b?.length && a.every((word, i) => word === b[i])
}
