// SPDX-License-Identifier: MIT
/**
 * A function's configuration space: 4096 bytes of registers, little-endian, and the chains of capabilities in them.
 *
 * @xen xen/drivers/pci/pci.c, xen/include/xen/pci_regs.h
 * Contexts  any; the function is plugged in and stays so (pcidevs, or known as a device that the caller pins).
 * Locks     none: each register is an atomic word, as on the bus.
 *
 * CF1  Software changes writable bits only; a write is one step, so writers of different bytes of a word lose nothing.
 */
import type { Ref } from '@bottomhalf/base'
import { cmpxchg, load } from '@bottomhalf/machine'
import { CONFIG_WORDS, PciFunction } from './records.js'

/** Registers of the common header. */
export const PciReg = {
  VENDOR_ID: 0x00, DEVICE_ID: 0x02, COMMAND: 0x04, STATUS: 0x06, CLASS_REVISION: 0x08, HEADER_TYPE: 0x0e,
  BASE_ADDRESS_0: 0x10, PRIMARY_BUS: 0x18, SECONDARY_BUS: 0x19, SUBORDINATE_BUS: 0x1a, CAPABILITY_LIST: 0x34,
  INTERRUPT_LINE: 0x3c, INTERRUPT_PIN: 0x3d,
} as const

/** Bits of COMMAND. */
export const PciCommand = { IO: 1, MEMORY: 2, MASTER: 4, INTX_DISABLE: 0x400 } as const

/** Ids of capabilities, and of extended ones. */
export const PciCapability = { MSI: 0x05, EXPRESS: 0x10, MSIX: 0x11 } as const
export const PciExtendedCapability = { ACS: 0x000d, SRIOV: 0x0010 } as const

const FIRST_EXTENDED = 0x100
const CHAIN_LIMIT = CONFIG_WORDS

/** Read 1, 2 or 4 bytes of a register; the bytes lie within one word. */
export function confRead(fn: Ref<'PciFunction'>, reg: number, sizeBytes: number): number {
  const value = load(fn + PciFunction.config + (reg >> 2)) >>> (8 * (reg & 3))
  return sizeBytes === 4 ? value : value & sizeMask(sizeBytes)
}

/** Write 1, 2 or 4 bytes of a register; read-only bits stay (CF1). */
export function confWrite(fn: Ref<'PciFunction'>, reg: number, sizeBytes: number, value: number): void {
  const shift = 8 * (reg & 3)
  const mask = (sizeMask(sizeBytes) << shift) & load(fn + PciFunction.writable + (reg >> 2))
  const address = fn + PciFunction.config + (reg >> 2)
  for (let old = load(address); ;) {
    const found = cmpxchg(address, old, (old & ~mask) | ((value << shift) & mask))
    if (found === old) return
    old = found
  }
}

/** Set and clear bits of a 16-bit register. */
export function confUpdate16(fn: Ref<'PciFunction'>, reg: number, clear: number, set: number): void {
  confWrite(fn, reg, 2, (confRead(fn, reg, 2) & ~clear) | set)
}

/** Where a capability lies; 0 if the function has none of that id. */
export function findCapability(fn: Ref<'PciFunction'>, id: number): number {
  let at = confRead(fn, PciReg.CAPABILITY_LIST, 1)
  for (let tries = 0; at !== 0 && tries < CHAIN_LIMIT; tries++) {
    if (confRead(fn, at, 1) === id) return at
    at = confRead(fn, at + 1, 1)
  }
  return 0
}

/** Where an extended capability lies; 0 if the function has none of that id. */
export function findExtendedCapability(fn: Ref<'PciFunction'>, id: number): number {
  let at = FIRST_EXTENDED
  for (let tries = 0; at !== 0 && tries < CHAIN_LIMIT; tries++) {
    const header = confRead(fn, at, 4)
    if ((header & 0xffff) === id) return at
    at = header >>> 20
  }
  return 0
}

/** Whether a register of that size is one access: aligned, and inside the space. */
export function isRegister(reg: number, sizeBytes: number): boolean {
  return (sizeBytes === 1 || sizeBytes === 2 || sizeBytes === 4) &&
    Number.isInteger(reg) && reg >= 0 && reg + sizeBytes <= 4 * CONFIG_WORDS && reg % sizeBytes === 0
}

/** All ones of an access of 1, 2 or 4 bytes. */
export function sizeMask(sizeBytes: number): number {
  return sizeBytes === 4 ? -1 : (1 << (8 * sizeBytes)) - 1
}
