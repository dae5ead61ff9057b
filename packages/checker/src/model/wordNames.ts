// SPDX-License-Identifier: MIT
/** Names of words of the machine's memory: area and field, with the CPU for what every CPU has its own of. */
import type { StructInfo } from '@bottomhalf/machine'
import type { MachinePort } from './port.js'

type Placed = StructInfo & { readonly base: number }

export function createWordNames({ machine }: MachinePort, cpus: number): (address: number) => string {
  const { perCpu, global } = machine.declaredAreas()
  const structs = new Map(machine.declaredStructs().map((info) => [info.structName, info]))
  const field = (info: StructInfo, offset: number): string => {
    const found = info.fields.find((f) => f.words > 0 && offset >= f.offset && offset < f.offset + f.words)
    if (found === undefined) return `+${offset}`
    const inner = structs.get(found.kind)
    const rest = offset - found.offset
    if (inner !== undefined) return `.${found.name}${field(inner, rest)}`
    return found.words === 1 ? `.${found.name}` : `.${found.name}[${rest}]`
  }
  const within = (area: Placed, base: number, address: number): boolean =>
    address >= base && address < base + area.sizeWords
  return (address) => {
    for (const area of global) {
      if (within(area, area.base, address)) return `${area.structName}${field(area, address - area.base)}`
    }
    for (let cpu = 0; cpu < cpus; cpu++) {
      for (const area of perCpu) {
        const base = machine.cpuArea(cpu, area)
        if (within(area, base, address)) return `${area.structName}${field(area, address - base)}@${cpu}`
      }
    }
    return `[${address}]`
  }
}
