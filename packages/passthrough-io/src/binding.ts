// SPDX-License-Identifier: MIT
/**
 * What a control operation says of a binding, and the flags that a record has while it is bound so.
 *
 * @xen xen/include/public/domctl.h (xen_domctl_bind_pt_irq)
 */
import { EINVAL, EOPNOTSUPP, type Errno, type Pirq, type Ref } from '@bottomhalf/base'
import { Domain, isHvmDomain } from '@bottomhalf/domain'
import { INTX_DEVICES, INTX_PINS } from '@bottomhalf/hvm'
import { ld } from '@bottomhalf/machine'
import {
  DPCI_GUEST_MSI, DPCI_GUEST_PCI, DPCI_MACH_MSI, DPCI_MACH_PCI, DPCI_MAPPED, DPCI_TRANSLATE,
} from './records.js'

/** Types of a binding: a line of the device's as one of the guest's, a message as a message, a message as a line. */
export const PT_IRQ_TYPE_PCI = 0
export const PT_IRQ_TYPE_MSI = 2
export const PT_IRQ_TYPE_MSI_TRANSLATE = 3

/** In `gflags`: leave the MSI unmasked; without it the guest unmasks. The other bits say where it goes (GV-5). */
export const GFLAGS_UNMASKED = 1 << 16

/** The pIRQ's interrupt becomes a message of vector `gvec` to the vCPUs that `gflags` selects. */
export interface PtMsiBind {
  readonly type: typeof PT_IRQ_TYPE_MSI
  readonly pirq: Pirq
  readonly gvec: number
  readonly gflags: number
}

/** The pIRQ's interrupt asserts pin `intx`, 0..3, of the guest's device, 0..31. A pIRQ may have several such lines. */
export interface PtLineBind {
  readonly type: typeof PT_IRQ_TYPE_PCI | typeof PT_IRQ_TYPE_MSI_TRANSLATE
  readonly pirq: Pirq
  readonly bus: number
  readonly device: number
  readonly intx: number
}

export type PtIrqBind = PtMsiBind | PtLineBind

const LOWEST_GVEC = 16

/** Whether a binding makes sense: 0; -EOPNOTSUPP: unknown type; -EINVAL: out of range, or the domain is not HVM. */
export function checkBind(d: Ref<'Domain'>, bind: PtIrqBind): Errno {
  const known = checkPirq(d, bind)
  if (known !== 0) return known
  if (!isHvmDomain(d)) return -EINVAL
  return bind.type === PT_IRQ_TYPE_MSI ? checkRange(bind.gvec, LOWEST_GVEC, 0xff) : checkLine(bind)
}

/** Whether a binding has a type that is known and a pIRQ that the domain can have: 0, -EOPNOTSUPP, -EINVAL. */
export function checkPirq(d: Ref<'Domain'>, bind: PtIrqBind): Errno {
  if (boundFlags(bind) === 0) return -EOPNOTSUPP
  return checkRange(bind.pirq, 0, ld(d + Domain.nrPirqs) - 1)
}

function checkLine(bind: PtLineBind): Errno {
  if (checkRange(bind.bus, 0, 0xff) !== 0 || checkRange(bind.device, 0, INTX_DEVICES - 1) !== 0) return -EINVAL
  return checkRange(bind.intx, 0, INTX_PINS - 1)
}

function checkRange(value: number, least: number, most: number): Errno {
  return Number.isInteger(value) && value >= least && value <= most ? 0 : -EINVAL
}

/** The flags of a record that is bound so; 0 for a type that nobody knows. */
export function boundFlags(bind: PtIrqBind): number {
  switch (bind.type) {
    case PT_IRQ_TYPE_PCI: return DPCI_MAPPED | DPCI_MACH_PCI | DPCI_GUEST_PCI
    case PT_IRQ_TYPE_MSI: return DPCI_MAPPED | DPCI_MACH_MSI | DPCI_GUEST_MSI
    case PT_IRQ_TYPE_MSI_TRANSLATE: return DPCI_MAPPED | DPCI_MACH_MSI | DPCI_GUEST_PCI | DPCI_TRANSLATE
    default: return 0
  }
}
