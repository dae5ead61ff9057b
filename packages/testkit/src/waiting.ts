// SPDX-License-Identifier: MIT
/** Words for people: which operation a context waits at, and what an address is. */
import { Header, declaredAreas, structNameOfTag } from '@bottomhalf/machine'
import { Op, heapOwner } from '@bottomhalf/machine/engine'
import type { StructInfo } from '@bottomhalf/machine'
import { operationName } from './counts.js'

const tests = ['==', '!=', 'has none of', 'has any of']

/** What the operation is, and for a wait what would end it. */
export function describeWait(words: Int32Array, op: Op, a: number, b: number, c: number): string {
  if (op !== Op.AwaitWord) return `${operationName(op)}(${a}, ${b}, ${c}), it could go on`
  return `${addressName(words, a)} ${tests[b] ?? '?'} ${c}, it is ${words[a] ?? 0}`
}

/** `softirq.pending of CPU 1`, `tasklet.lock+2`, `Timer+4 at 7456`, or the bare address. */
export function addressName(words: Int32Array, address: number): string {
  const base = words[Header.perCpuBase] ?? 0
  const stride = words[Header.perCpuStride] ?? 1
  const globalBase = words[Header.globalBase] ?? 0
  const { perCpu, global } = declaredAreas()
  if (address >= base && address < globalBase) {
    const cpu = Math.floor((address - base) / stride)
    return `${inAreas(perCpu, (address - base) % stride) ?? `machine word ${(address - base) % stride}`} of CPU ${cpu}`
  }
  const block = heapOwner(words, address)
  if (block !== undefined) return `${structNameOfTag(block.tag)}+${address - block.address} at ${address}`
  return inAreas(global, address) ?? `word ${address}`
}

function inAreas(areas: readonly (StructInfo & { readonly base: number })[], at: number): string | undefined {
  const area = areas.find(({ base, sizeWords }) => at >= base && at < base + sizeWords)
  if (area === undefined) return undefined
  const field = area.fields.filter(({ offset }) => offset <= at - area.base).at(-1)
  const inside = at - area.base - (field?.offset ?? 0)
  return `${area.structName}.${field?.name ?? ''}${inside === 0 ? '' : `+${inside}`}`
}
