// SPDX-License-Identifier: MIT
/**
 * What the words of the machine's memory are: area or struct, and field. What every CPU has its own of carries the CPU's
 * number (`softirq@0`), a block of the heap its address (`Timer@5120`).
 */
import type { FieldLayout, StructInfo } from '@bottomhalf/machine'
import type { MemoryMap, TaggedBlock, WordPlace } from '../program.js'
import type { MachinePort } from './port.js'

type Kind = WordPlace['kind']
interface Area { readonly name: string, readonly base: number, readonly info: StructInfo }

/** The map of the memory as it is now, behind setup. */
export function machineMap(port: MachinePort, cpus: number): MemoryMap {
  const areas = areasOf(port, cpus)
  const structs = port.machine.declaredStructs()
  const blocks = port.machine.liveBlocks().map(({ address, words, tag }): TaggedBlock => ({ address, words, tag }))
  const fieldOf = createFieldOf(port, new Map(structs.map((info) => [info.structName, info])))
  return {
    blocks,
    locate: (address) => {
      const area = areas.find(({ base, info }) => address >= base && address < base + info.sizeWords)
      if (area === undefined) return undefined
      const { name: object, base, info } = area
      return { object, address: base, words: info.sizeWords, ...fieldOf(info, address - base) }
    },
    inBlock: (tag, offset) => {
      const info = structs.find((candidate) => candidate.tag === tag || candidate.arrayTag === tag)
      if (info === undefined) return { object: 'block', field: `[${offset}]`, kind: 'word' }
      if (info.tag === tag) return { object: info.structName, ...fieldOf(info, offset) }
      const { field, kind } = fieldOf(info, offset % info.sizeWords)
      return { object: info.structName, field: `[${Math.floor(offset / info.sizeWords)}].${field}`, kind }
    },
  }
}

/** The name of a word, by a map. */
export function wordNameBy(map: MemoryMap): (address: number) => string {
  return (address) => {
    const place = map.locate(address)
    if (place !== undefined) return `${place.object}.${place.field}`
    const block = map.blocks.find(({ address: first, words }) => address >= first && address < first + words)
    if (block === undefined) return `[${address}]`
    const { object, field } = map.inBlock(block.tag, address - block.address)
    return `${object}@${block.address}${field.startsWith('[') ? '' : '.'}${field}`
  }
}

function areasOf({ machine }: MachinePort, cpus: number): Area[] {
  const { perCpu, global } = machine.declaredAreas()
  const all = Array.from({ length: cpus }, (_, cpu) => cpu)
  return [
    ...global.map((info) => ({ name: info.structName, base: info.base, info })),
    ...all.flatMap((cpu) => perCpu.map((info) =>
      ({ name: `${info.structName}@${cpu}`, base: machine.cpuArea(cpu, info), info }))),
  ]
}

/** Finds fields by offset, down through structs within structs, and those of higher layers. */
function createFieldOf({ machine }: MachinePort, structs: ReadonlyMap<string, StructInfo>) {
  const insideOf = (info: StructInfo, { name, kind }: FieldLayout) => {
    const inner = structs.get(kind)
    return inner === undefined ? machine.extensionOf(info, name) : { inner, at: 0 }
  }
  return function fieldOf(info: StructInfo, offset: number): { readonly field: string, readonly kind: Kind } {
    const found = info.fields.find((f) => f.words > 0 && offset >= f.offset && offset < f.offset + f.words)
    if (found === undefined) return { field: `+${offset}`, kind: 'word' }
    const rest = offset - found.offset
    const inside = insideOf(info, found)
    if (inside !== undefined && rest >= inside.at && rest < inside.at + inside.inner.sizeWords) {
      const { field, kind } = fieldOf(inside.inner, rest - inside.at)
      return { field: `${found.name}.${field}`, kind }
    }
    const isArray = found.words > 1 && found.kind !== 'time'
    return { field: isArray ? `${found.name}[${rest}]` : found.name, kind: kindOf(found.kind) }
  }
}

function kindOf(kind: string): Kind {
  if (kind.startsWith('ref ')) return 'link'
  return kind === 'time' ? 'time' : 'word'
}
