// SPDX-License-Identifier: MIT
/**
 * A device with completions: it writes one into its ring, moves the producer index, and sends its MSI.
 *
 *     ring:  | time of arrival n | n+1 | ... |      producer: number of arrivals so far
 *
 * This file is the device's side; `driver.ts` is the guest's. They meet in the ring and the interrupt and share no code,
 * so that what one counts as raised and what the other counts as served can be compared.
 *
 * Contexts  deviceArrival: the device's one thread, which is no CPU.
 *
 * DEV1  The time stands in the ring before the producer index covers it, and the index before the message goes out.
 */
import { embed, lineBreak, load, nowNs, store, struct, word, words, xzalloc } from '@bottomhalf/machine'
import { MsiEntry, msiReset, msiSend } from '@bottomhalf/irq'
import type { Ref } from '@bottomhalf/base'

/** Arrivals whose times the ring keeps. */
export const RING_WORDS = 1024

export const Device = struct('Device', {
  // atomic; the hypervisor writes it too
  msi: embed(MsiEntry), msiLine: lineBreak,
  // written by the device; atomic, the driver reads it
  producer: word, producerLine: lineBreak,
  // written by the device: low 32 bits of ns since boot; atomic, the driver reads it
  ring: words(RING_WORDS),
})

/** Make a device. 0 if there is no memory. */
export function deviceCreate(): Ref<'Device'> {
  const device = xzalloc(Device.sizeWords, Device.tag)
  if (device !== 0) msiReset(device + Device.msi)
  return device
}

/** An arrival: a completion and its interrupt. */
export function deviceArrival(device: Ref<'Device'>): void {
  const arrived = load(device + Device.producer)
  store(device + Device.ring + (arrived & (RING_WORDS - 1)), Math.trunc(nowNs()) | 0)
  store(device + Device.producer, arrived + 1)                         // DEV1
  msiSend(device + Device.msi)
}

/** An interrupt without a completion, as broken or just unbound hardware sends. */
export function deviceInterrupt(device: Ref<'Device'>): void {
  msiSend(device + Device.msi)
}

/** Arrivals so far, as the device counts them. */
export function deviceRaised(device: Ref<'Device'>): number {
  return load(device + Device.producer)
}
