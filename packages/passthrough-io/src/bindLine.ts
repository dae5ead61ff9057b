// SPDX-License-Identifier: MIT
/**
 * Bindings of a machine interrupt to lines of the guest: of the device's own line, shared with other guests (INTx), or of
 * a message (TRANSLATE).
 *
 * @xen xen/drivers/passthrough/io.c (pt_irq_create_bind, pt_irq_destroy_bind for PT_IRQ_TYPE_PCI, _MSI_TRANSLATE)
 * Contexts  control operations.
 * Locks     eventLock, held by the caller.
 */
import { ENOMEM, type Errno, type Ref } from '@bottomhalf/base'
import { vcpuOf } from '@bottomhalf/domain'
import { pirqGuestEoi, pirqGuestMask } from '@bottomhalf/irq'
import { ld } from '@bottomhalf/machine'
import { endPending } from '#pending'
import { initTimeout } from '#timeout'
import { bindGuest } from './bindGuest.js'
import { boundFlags, PT_IRQ_TYPE_MSI_TRANSLATE, PT_IRQ_TYPE_PCI, type PtLineBind } from './binding.js'
import { addLine, removeLine } from './lines.js'
import { GuestLine, pirqOf } from './records.js'

/** Bind a record that is bound to nothing to its first line. Failures change nothing. */
export function bindLineLocked(d: Ref<'Domain'>, dpci: Ref<'HvmPirqDpci'>, bind: PtLineBind): Errno {
  const line = addLine(d, dpci, bind)
  if (line === 0) return -ENOMEM
  initTimeout(dpci)
  const result = bindGuest(vcpuOf(d, 0), d, dpci, boundFlags(bind), bind.type === PT_IRQ_TYPE_PCI)
  if (result !== 0) {
    removeLine(d, line)
    return result
  }
  // a guest that knows of a line only unmasks no message
  if (bind.type === PT_IRQ_TYPE_MSI_TRANSLATE) void pirqGuestMask(pirqOf(dpci), false)
  return 0
}

/** Let a bound record assert one more line, from its next interrupt on. -ENOMEM. */
export function bindFurtherLineLocked(d: Ref<'Domain'>, dpci: Ref<'HvmPirqDpci'>, bind: PtLineBind): Errno {
  return addLine(d, dpci, bind) === 0 ? -ENOMEM : 0
}

/** Let a bound record assert one line less; it has others. What waits for an EOI of this line only is ended (I10). */
export function unbindFurtherLineLocked(d: Ref<'Domain'>, line: Ref<'GuestLine'>): void {
  const dpci = ld(line + GuestLine.dpci)
  const wasLast = endPending(dpci, line)
  removeLine(d, line)
  if (wasLast) pirqGuestEoi(pirqOf(dpci))
}
