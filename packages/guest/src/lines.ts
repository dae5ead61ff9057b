// SPDX-License-Identifier: MIT
/**
 * How a guest uses its IO-APIC: a pin for each line that one of its drivers gets, level-triggered.
 *
 * Contexts  the guest's vCPU, inside a VM entry.
 */
import {
  guestIoapicWrite, IOAPIC_REG_ENTRIES, IOREGSEL, IOWIN, REDIR_DEST_SHIFT, REDIR_LEVEL, REDIR_MASKED,
} from '@bottomhalf/hvm'
import { ld } from '@bottomhalf/machine'
import { Driver } from './driver.js'
import type { Ref } from '@bottomhalf/base'

/** Route the lines of all drivers chained from `first`, each to its driver's vector and vCPU. */
export function routeLines(v: Ref<'Vcpu'>, first: Ref<'Driver'>): void {
  for (let driver = first; driver !== 0; driver = ld(driver + Driver.next)) {
    if (ld(driver + Driver.gsi) >= 0) routeLine(v, driver)
  }
}

/** Mask the lines of all drivers chained from `first`. */
export function maskLines(v: Ref<'Vcpu'>, first: Ref<'Driver'>): void {
  for (let driver = first; driver !== 0; driver = ld(driver + Driver.next)) {
    const gsi = ld(driver + Driver.gsi)
    if (gsi >= 0) writeEntry(v, gsi, 0, ld(driver + Driver.gvec) | REDIR_LEVEL | REDIR_MASKED)
  }
}

/** End the lines of all drivers chained from `first` as if each had interrupted: an edge trigger, then level again. */
export function endLines(v: Ref<'Vcpu'>, first: Ref<'Driver'>): void {
  for (let driver = first; driver !== 0; driver = ld(driver + Driver.next)) {
    const gsi = ld(driver + Driver.gsi)
    if (gsi < 0) continue
    writeEntry(v, gsi, 0, ld(driver + Driver.gvec))
    writeEntry(v, gsi, 0, ld(driver + Driver.gvec) | REDIR_LEVEL)
  }
}

function routeLine(v: Ref<'Vcpu'>, driver: Ref<'Driver'>): void {
  const gsi = ld(driver + Driver.gsi)
  writeEntry(v, gsi, 1, ld(driver + Driver.vcpuId) << REDIR_DEST_SHIFT)
  writeEntry(v, gsi, 0, ld(driver + Driver.gvec) | REDIR_LEVEL)
}

function writeEntry(v: Ref<'Vcpu'>, gsi: number, half: number, value: number): void {
  guestIoapicWrite(v, IOREGSEL, IOAPIC_REG_ENTRIES + 2 * gsi + half)
  guestIoapicWrite(v, IOWIN, value)
}
