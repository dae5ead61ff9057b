// SPDX-License-Identifier: MIT
/**
 * A device with completions: it writes one into its ring, moves the producer index, and interrupts: by a message, or by holding a
 * line of the machine up until its driver has made it quiet.
 *
 *     ring:  | time of arrival n | n+1 | ... |      producer: number of arrivals so far
 *
 * This file is the device's side; `driver.ts` is the guest's. They meet in the ring, the line's register and the interrupt and
 * share no code, so that what one counts as raised and what the other counts as served can be compared.
 *
 * Contexts  deviceQuiet: its driver's vCPU.  All else: the device's one thread, which is no CPU.
 *
 * DEV1  The time stands in the ring before the producer index covers it, and the index before the message goes out or the line
 *       up. Whoever makes the device quiet looks at the index after that: what came before is seen, what comes after
 *       interrupts again.
 * DEV2  The device holds its line up once, or not at all: raising and lowering it take turns.
 */
import {
  AWAIT_NE, awaitWord, cmpxchg, embed, ld, lineBreak, load, nowNs, ref, st, store, struct, word, words, xzalloc,
} from '@bottomhalf/machine'
import { lineAssert, lineDeassert, MsiEntry, msiReset, msiSend } from '@bottomhalf/irq'
import type { Ref } from '@bottomhalf/base'

/** Arrivals whose times the ring keeps. */
export const RING_WORDS = 1024

// States of `Device.line`.
const DOWN = 0
const UP = 1
const MOVING = 2

export const Device = struct('Device', {
  // written at creation, constant after: its message, 0 if it has a line; and the line's number
  message: ref('MsiEntry'), gsi: word,
  // the device's own: whether it may hold its line up
  lineEnabled: word, setupLine: lineBreak,
  // atomic: DOWN, UP, or MOVING while one of both sides changes it
  line: word, lineLine: lineBreak,
  // a message of its own, for a device that is on no bus. Atomic; the hypervisor writes it too
  msi: embed(MsiEntry), msiLine: lineBreak,
  // written by the device; atomic, the driver reads it
  producer: word, producerLine: lineBreak,
  // written by the device: low 32 bits of ns since boot; atomic, the driver reads it
  ring: words(RING_WORDS),
})

/** Make a device that sends messages: those of `entry`, or of an entry of its own. 0 if there is no memory. */
export function deviceCreate(entry: Ref<'MsiEntry'> = 0): Ref<'Device'> {
  const device = xzalloc(Device.sizeWords, Device.tag)
  if (device === 0) return 0
  msiReset(device + Device.msi)
  st(device + Device.message, entry === 0 ? device + Device.msi : entry)
  return device
}

/** Make a device that shares line `gsi` of the machine. 0 if there is no memory. */
export function deviceCreateOnLine(gsi: number): Ref<'Device'> {
  const device = xzalloc(Device.sizeWords, Device.tag)
  if (device === 0) return 0
  st(device + Device.gsi, gsi)
  st(device + Device.lineEnabled, 1)
  return device
}

/** An arrival: a completion and its interrupt. */
export function deviceArrival(device: Ref<'Device'>): void {
  const arrived = load(device + Device.producer)
  store(device + Device.ring + (arrived & (RING_WORDS - 1)), Math.trunc(nowNs()) | 0)
  store(device + Device.producer, arrived + 1)                         // DEV1
  deviceInterrupt(device)
}

/** An interrupt, without a completion: as broken or just unbound hardware sends. */
export function deviceInterrupt(device: Ref<'Device'>): void {
  const message = ld(device + Device.message)
  if (message !== 0) msiSend(message)
  else if (ld(device + Device.lineEnabled) !== 0) turnLine(device, DOWN, UP)
}

/** Let a device hold its line up, or not: then it is down. Nothing, for one that sends messages. */
export function deviceEnableLine(device: Ref<'Device'>, enabled: boolean): void {
  if (ld(device + Device.message) !== 0) return
  st(device + Device.lineEnabled, enabled ? 1 : 0)
  if (!enabled) turnLine(device, UP, DOWN)
}

/** Its driver writes the device's register: it lowers its line, until the next arrival. */
export function deviceQuiet(device: Ref<'Device'>): void {
  if (ld(device + Device.message) === 0) turnLine(device, UP, DOWN)
}

/** Arrivals so far, as the device counts them. */
export function deviceRaised(device: Ref<'Device'>): number {
  return load(device + Device.producer)
}

function turnLine(device: Ref<'Device'>, from: number, to: number): void {
  const line = device + Device.line
  for (let state = load(line); state !== to; state = load(line)) {
    if (state === MOVING) awaitWord(line, AWAIT_NE, MOVING)            // DEV2: the other side is at it
    else if (cmpxchg(line, from, MOVING) === from) return moveLine(device, to)
  }
}

function moveLine(device: Ref<'Device'>, to: number): void {
  if (to === UP) lineAssert(ld(device + Device.gsi))
  else lineDeassert(ld(device + Device.gsi))
  store(device + Device.line, to)
}
