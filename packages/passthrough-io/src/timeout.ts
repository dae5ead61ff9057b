// SPDX-License-Identifier: MIT
/**
 * What ends an interrupt whose guest never does (DP-8): in production nothing of passthrough. The machine's own EOI timer
 * (IRQ-5) releases the line after a millisecond; the guest's lines stay asserted and pending, so that its late EOI still
 * finds them, and the next arrival is told it by what is asserted already.
 *
 * Forms before 2021 had a timer in each record here, and with it the defects H1, H7, U5 and U8.
 */
import type { Ref } from '@bottomhalf/base'
import type { DpciTimeout } from './form.js'

export function initTimeout(_dpci: Ref<'HvmPirqDpci'>): void { /* no timer */ }

export function armTimeout(_dpci: Ref<'HvmPirqDpci'>): void { /* IRQ-5 has armed its own at the delivery */ }

export function stopTimeout(_dpci: Ref<'HvmPirqDpci'>): void { /* IRQ-5 finds nobody in flight */ }

export function endTimeout(_dpci: Ref<'HvmPirqDpci'>): void { /* IRQ-6 kills its own with the last guest's unbind */ }

export const timeout: DpciTimeout = { initTimeout, armTimeout, stopTimeout, endTimeout }
