// SPDX-License-Identifier: MIT
/**
 * How an HVM guest learns of events (GV-7): by a vector of its own, or by a line, which is a GSI or a pin of a PCI device.
 *
 * @xen xen/arch/x86/hvm/irq.c (hvm_set_callback_via, hvm_set_callback_irq_level, hvm_maybe_deassert_evtchn_irq)
 * Contexts  hvmSetCallback*: control operations and traps. hvmTellEvents: softirqs and traps, IF = 1. hvmLowerCallback: VM
 *           exit.
 * Locks     irqLock; eventLock outside of it.
 *
 * CB1  The line is high exactly if the upcall flag of vCPU 0 is on, seen from irqLock: whoever turned the flag on raises
 *      it, a VM exit that finds the flag off lowers it, each looks at the flag again under irqLock.
 * CB2  The line is one of level: one upcall can come right behind another while it stays high.
 */
import { EINVAL, type Errno, type Ref } from '@bottomhalf/base'
import { isHvmDomain, Vcpu, vcpuOf } from '@bottomhalf/domain'
import { ld, load, store } from '@bottomhalf/machine'
import { vcpuKick } from '@bottomhalf/sched'
import { spinLock, spinUnlock } from '@bottomhalf/spinlock'
import {
  INTX_DEVICES, INTX_PINS, lowerGsi, pciIntxAssertLocked, pciIntxDeassertLocked, raiseGsi,
} from './intx.js'
import { DOMAIN_HVM_STATE, HvmDomain, HvmIrq, hvmIrqOf, HvmVcpu, IOAPIC_PINS, VCPU_HVM } from './records.js'

// Places in the domain.
const CALLBACK_VECTOR = DOMAIN_HVM_STATE + HvmDomain.callbackVector
const CALLBACK_LINE = DOMAIN_HVM_STATE + HvmDomain.callbackLine
const CALLBACK_ASSERTED = DOMAIN_HVM_STATE + HvmDomain.callbackAsserted

/** Kinds of `callbackLine`, above the number of the GSI or of the pin (device * 4 + pin). */
const LINE_GSI = 1 << 8
const LINE_INTX = 2 << 8

/** Let the vCPUs of an HVM domain learn of events by `vector`, 16..255; 0 turns it off. -EINVAL otherwise. */
export function hvmSetCallbackVector(d: Ref<'Domain'>, vector: number): Errno {
  if (vector !== 0 && (vector < 16 || vector > 255)) return -EINVAL
  return setCallback(d, vector, 0)
}

/** Let vCPU 0 of an HVM domain learn of events by a GSI of the guest, 1..47. -EINVAL otherwise. */
export function hvmSetCallbackGsi(d: Ref<'Domain'>, gsi: number): Errno {
  return gsi < 1 || gsi >= IOAPIC_PINS ? -EINVAL : setCallback(d, 0, LINE_GSI | gsi)
}

/** Let vCPU 0 of an HVM domain learn of events by a pin of a PCI device. -EINVAL if there is none such. */
export function hvmSetCallbackIntx(d: Ref<'Domain'>, device: number, pin: number): Errno {
  if (device < 0 || device >= INTX_DEVICES || pin < 0 || pin >= INTX_PINS) return -EINVAL
  return setCallback(d, 0, LINE_INTX | device * 4 + pin)
}

function setCallback(d: Ref<'Domain'>, vector: number, line: number): Errno {
  if (!isHvmDomain(d)) return -EINVAL
  const irq = hvmIrqOf(d)
  spinLock(irq + HvmIrq.lock)
  setLevel(d, irq, false)
  store(d + CALLBACK_VECTOR, vector)
  store(d + CALLBACK_LINE, line)
  matchFlag(d, irq)                                                   // CB1
  spinUnlock(irq + HvmIrq.lock)
  return 0
}

/** Tell `v` that its upcall flag was turned on. */
export function hvmTellEvents(v: Ref<'Vcpu'>): void {
  const d = ld(v + Vcpu.domain)
  if (ld(v + Vcpu.vcpuId) === 0 && load(d + CALLBACK_LINE) !== 0) updateLine(d)
  else vcpuKick(v)
}

/** At a VM exit of `v`: lower the line if the guest has looked at its events. */
export function hvmLowerCallback(v: Ref<'Vcpu'>): void {
  const d = ld(v + Vcpu.domain)
  if (load(d + CALLBACK_ASSERTED) !== 0 && !hasUpcall(d)) updateLine(d)
}

function updateLine(d: Ref<'Domain'>): void {
  const irq = hvmIrqOf(d)
  spinLock(irq + HvmIrq.lock)
  matchFlag(d, irq)
  spinUnlock(irq + HvmIrq.lock)
}

// irqLock held, as all that follow.
function matchFlag(d: Ref<'Domain'>, irq: Ref<'HvmIrq'>): void {
  setLevel(d, irq, load(d + CALLBACK_LINE) !== 0 && hasUpcall(d))     // CB1
}

function setLevel(d: Ref<'Domain'>, irq: Ref<'HvmIrq'>, isHigh: boolean): void {
  if ((load(d + CALLBACK_ASSERTED) !== 0) === isHigh) return
  store(d + CALLBACK_ASSERTED, isHigh ? 1 : 0)
  const line = load(d + CALLBACK_LINE)
  if ((line & LINE_GSI) !== 0) setGsi(d, irq, line & 0xff, isHigh)
  else setPin(d, irq, line & 0xff, isHigh)
}

function setGsi(d: Ref<'Domain'>, irq: Ref<'HvmIrq'>, gsi: number, isHigh: boolean): void {
  if (isHigh) raiseGsi(d, irq, gsi)
  else lowerGsi(d, irq, gsi)
}

function setPin(d: Ref<'Domain'>, irq: Ref<'HvmIrq'>, wire: number, isHigh: boolean): void {
  if (isHigh) pciIntxAssertLocked(d, irq, wire >> 2, wire & 3)
  else pciIntxDeassertLocked(d, irq, wire >> 2, wire & 3)
}

function hasUpcall(d: Ref<'Domain'>): boolean {
  return load(vcpuOf(d, 0) + VCPU_HVM + HvmVcpu.upcallPending) !== 0
}
