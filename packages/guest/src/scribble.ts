// SPDX-License-Identifier: MIT
/**
 * Random writes to the vector tables of a guest's devices: any value, any size, at and around any entry. What an entry needs
 * to lead somewhere else - data, then mask, then unmask - comes by chance, as often as the rest.
 *
 * Contexts  the guest's vCPU, inside a VM entry.
 */
import { fetchAdd, ld } from '@bottomhalf/machine'
import { Driver } from './driver.js'
import { ENTRY_BYTES, storeToTable } from './vectorTable.js'
import type { Ref } from '@bottomhalf/base'

const STORES = 4
const SIZES = [1, 2, 4, 4, 4, 4, 8, 8] as const

/** Write a few times. `random` is the address of the state of the guest's random numbers; its vCPUs share it. */
export function scribble(v: Ref<'Vcpu'>, drivers: Ref<'Driver'>, random: number): void {
  for (let i = 0; i < STORES; i++) {
    const driver = anyWithEntry(drivers, next(random))
    if (driver === 0) return
    const at = next(random)
    const sizeBytes = SIZES[at >>> 16 & 7] ?? 4
    const offset = (at & 0x3f) - ENTRY_BYTES               // from the entry before to two behind
    const aligned = (at >>> 8 & 7) === 0 ? offset : offset - offset % sizeBytes
    const address = (ld(driver + Driver.entry) >>> 0) + aligned
    storeToTable(v, drivers, { address, sizeBytes, low: valueOf(next(random)), high: valueOf(next(random)) })
  }
}

/** One of the drivers that have an entry; 0 if none has. */
function anyWithEntry(drivers: Ref<'Driver'>, random: number): Ref<'Driver'> {
  let found = 0
  let count = 0
  for (let driver = drivers; driver !== 0; driver = ld(driver + Driver.next)) {
    if (ld(driver + Driver.entry) === 0) continue
    count++
    if (random % count === 0) found = driver
  }
  return found
}

// Half of them small: a vector, a mask bit.
function valueOf(random: number): number {
  return (random & 1) === 0 ? random | 0 : random >>> 1 & 0xff
}

/** The next random word, unsigned: a counter, mixed (the finalizer of MurmurHash3). */
function next(state: number): number {
  let x = fetchAdd(state, 0x9e3779b9 | 0)
  x = Math.imul(x ^ x >>> 16, 0x85ebca6b | 0)
  x = Math.imul(x ^ x >>> 13, 0xc2b2ae35 | 0)
  return (x ^ x >>> 16) >>> 0
}
