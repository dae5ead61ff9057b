// SPDX-License-Identifier: MIT
/**
 * The seam to passthrough: who is told of a guest's end of interrupt.
 *
 * Contexts  endVector, endGsi: a vCPU's own trap, IF = 1, no lock that stands inside eventLock held, irqLock least of all:
 *           the one who is told takes eventLock, and irqLock inside of it.
 * Locks     none.
 */
import { callHandler, global, handlerId, ld, st } from '@bottomhalf/machine'
import type { HandlerRef } from '@bottomhalf/machine'

/** Who is told; constant after boot. */
const EoiOperations = global('eoiOperations', { msiEoi: handlerId, gsiEoi: handlerId })

/** What layers above do at a guest's EOI. The vCPU is the current one. */
export interface EoiHandlers {
  /** The local APIC ended a vector, of whatever trigger mode. Argument: the vector. */
  readonly msiEoi: HandlerRef
  /** The IO-APIC or the PIC ended a line (DP-9). Argument: its GSI; that of an ISA line is below 16. */
  readonly gsiEoi?: HandlerRef
}

/** Join the seam to passthrough. Context: boot. */
export function setEoiOperations(operations: EoiHandlers): void {
  st(EoiOperations.base + EoiOperations.msiEoi, operations.msiEoi.id)
  st(EoiOperations.base + EoiOperations.gsiEoi, operations.gsiEoi?.id ?? 0)
}

/** A vector ended at the current vCPU's local APIC. */
export function endVector(vector: number): void {
  const msiEoi = ld(EoiOperations.base + EoiOperations.msiEoi)
  if (msiEoi !== 0) callHandler(msiEoi, vector)
}

/** A guest line ended at a controller of the current vCPU's domain. */
export function endGsi(gsi: number): void {
  const gsiEoi = ld(EoiOperations.base + EoiOperations.gsiEoi)
  if (gsiEoi !== 0) callHandler(gsiEoi, gsi)
}
