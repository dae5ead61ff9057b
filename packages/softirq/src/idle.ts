// SPDX-License-Identifier: MIT
/**
 * Going to sleep, or into a guest, without missing a softirq.
 *
 *     idle loop                              raiser (raise.ts)
 *     looking = 1, serve what is pending     set the bit
 *     IF = 0                                 looking? then it is certain to look: done
 *     looking = 0                            not looking: send an interrupt
 *     pending, or offline? then do not sleep
 *     enable and sleep in one step
 *
 * @xen xen/arch/x86/domain.c (idle loop)
 * Contexts  the idle loop and the way into a guest; own CPU.
 * Locks     none.
 *
 * S5  `looking` is cleared before the last look, with IF = 0: a raise is seen by that look, or sees `looking` clear and
 *     interrupts, and the interrupt ends the sleep (CPU-3).
 * S6  The last look is also at `online`: a CPU that was taken down just before goes on to park (CPU-4).
 */
import { haltUntilInterrupt, irqDisable, irqEnable, load, store, thisCpu } from '@bottomhalf/machine'
import { thisCpuOnline } from '@bottomhalf/cpu'
import { Softirq } from './state.js'

/** From here to `endLooking` this CPU is certain to look at its pending word: raisers need not interrupt it. */
export function beginLooking(): void {
  store(thisCpu(Softirq) + Softirq.looking, 1)
}

/** The last look, IF = 0. True: something is pending or the CPU is offline, so neither sleep nor enter a guest. */
export function endLooking(): boolean {
  const mine = thisCpu(Softirq)
  store(mine + Softirq.looking, 0)                           // S5
  return load(mine + Softirq.pending) !== 0 || !thisCpuOnline()   // S6
}

/**
 * Sleep until an interrupt was taken, unless a softirq is pending or the CPU is offline. The idle loop parks an offline
 * CPU, serves softirqs and calls this, over and over. IF = 1 on entry and return.
 */
export function sleepUnlessPending(): void {
  irqDisable()
  if (endLooking()) irqEnable()
  else haltUntilInterrupt()
  beginLooking()
}
