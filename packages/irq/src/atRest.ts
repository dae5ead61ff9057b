// SPDX-License-Identifier: MIT
/**
 * What a machine at rest still owes its interrupt lines (I10).
 *
 * Contexts  at rest: nothing runs. Reads only.
 */
import { cpuCount, ld, load } from '@bottomhalf/machine'
import { eoisOwedBy } from './eoiStack.js'
import { IoapicPin, pinIsInService } from './ioapic.js'
import { IrqDesc, irqDescOf, IrqTable } from './irqDesc.js'
import { limitWillEnd } from './rateLimit.js'

/** An interrupt, or none, and what is wrong with it. Plain data. */
export interface IrqRestFault { readonly irq: number, readonly found: string }

/**
 * Lines that nobody has and that are in service, interrupts that nobody has and that wait for an end of the rate limit that
 * never comes, CPUs that have still to end something. Empty when every line was released.
 */
export function irqFaultsAtRest(): IrqRestFault[] {
  const faults: IrqRestFault[] = []
  for (let cpu = 0; cpu < cpuCount(); cpu++) {
    if (eoisOwedBy(cpu) > 0) faults.push({ irq: 0, found: `CPU ${cpu} has ${eoisOwedBy(cpu)} interrupts still to end` })
  }
  for (let irq = 1; irq < ld(IrqTable.base + IrqTable.count); irq++) {
    const found = wrongWith(irq)
    if (found !== '') faults.push({ irq, found: `interrupt ${irq}, which nobody has, ${found}` })
  }
  return faults
}

function wrongWith(irq: number): string {
  const desc = irqDescOf(irq)
  if (desc === 0 || ld(desc + IrqDesc.action) !== 0) return ''
  const pin = ld(desc + IrqDesc.pin)
  if (pin !== 0 && pinIsInService(load(pin + IoapicPin.control))) return 'has its line in service'
  return ld(desc + IrqDesc.waits) === 0 || limitWillEnd(desc) ? '' : 'waits for the end of its rate limit'
}
