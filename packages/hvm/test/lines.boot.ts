// SPDX-License-Identifier: MIT
/** Native tests of lines and controllers: a guest, what dpci is told, and its local APICs. */
import { handler } from '@bottomhalf/machine'
import { locksHeld } from '@bottomhalf/spinlock'
import {
  IOREGSEL, IOAPIC_REG_ENTRIES, IOWIN, REDIR_DELIVERY_SHIFT, REDIR_DEST_SHIFT, REDIR_LEVEL, REDIR_LOGICAL, REDIR_MASKED,
  setEoiOperations, vioapicRead, vioapicWrite, vlapicAccept, vlapicEoi,
} from '../src/index.js'
import { boot, guest } from './boot.js'

/** What dpci was told: lines that ended. */
export const ended: number[] = []
/** What dpci does when it is told, for a test that wants more than the record of it. */
export const dpci: { act: (gsi: number) => void } = { act: () => undefined }
/** Locks that were held when dpci was told. */
export const heldThen: number[] = []

const gsiEoi = handler('testGsiEoi', (gsi) => {
  ended.push(gsi)
  heldThen.push(locksHeld(0 as never))
  dpci.act(gsi)
})
export const endedVectors: number[] = []
const msiEoi = handler('testMsiEoiOfLines', (vector) => { endedVectors.push(vector) })

/** A machine with a guest of `count` vCPUs on pCPU 0. */
export function bootLines(count = 1): { d: number, vcpus: number[] } {
  boot()
  setEoiOperations({ msiEoi, gsiEoi })
  for (const list of [ended, heldThen, endedVectors]) list.length = 0
  dpci.act = () => undefined
  return guest({ pins: Array.from({ length: count }, () => 0) })
}

/** What a test says of a pin; the rest is as after reset. */
export interface Pin {
  readonly vector: number
  readonly level?: boolean
  readonly masked?: boolean
  readonly dest?: number
  readonly logical?: boolean
  readonly delivery?: number
}

const register = (pin: number): number => IOAPIC_REG_ENTRIES + 2 * pin

export const lowWord = ({ vector, level = true, masked = false, logical = false, delivery = 0 }: Pin): number =>
  vector | delivery << REDIR_DELIVERY_SHIFT | (level ? REDIR_LEVEL : 0) | (masked ? REDIR_MASKED : 0) |
  (logical ? REDIR_LOGICAL : 0)

export function writeRegister(d: number, number: number, value: number): void {
  vioapicWrite(d, IOREGSEL, number)
  vioapicWrite(d, IOWIN, value)
}

export function readRegister(d: number, number: number): number {
  vioapicWrite(d, IOREGSEL, number)
  return vioapicRead(d, IOWIN)
}

export function program(d: number, pin: number, entry: Pin): void {
  writeRegister(d, register(pin) + 1, (entry.dest ?? 0) << REDIR_DEST_SHIFT)
  writeRegister(d, register(pin), lowWord(entry))
}

export const lowOf = (d: number, pin: number): number => readRegister(d, register(pin))

/** Vectors that a vCPU's local APIC delivers, highest first; each is ended there and nowhere else. */
export function drain(v: number): number[] {
  const taken: number[] = []
  for (let vector = vlapicAccept(v); vector >= 0; vector = vlapicAccept(v)) taken.push(vlapicEoi(v))
  return taken
}
