// SPDX-License-Identifier: MIT
/**
 * What a form of the protocol is: the functions that decide who links a record, who runs it, who pays the domain's
 * reference, and how an unbind waits for a run in flight (DP-15).
 *
 * The package calls them by name from `#protocol`, which resolves to one module when it is loaded: protocolSoftirq.ts, or
 * protocolTasklet.ts under the condition `tasklet`. A module exports each function and, as `protocol`, all of them: that
 * keeps the forms exchangeable in both builds.
 */
import type { Ref, SoftirqNr } from '@bottomhalf/base'
import type { Susp } from '@bottomhalf/machine'

type Record = Ref<'HvmPirqDpci'>

export interface DpciProtocol {
  readonly PROTOCOL_NAME: string
  /** Boot CPU, once: `nr` is HVM_DPCI_SOFTIRQ. */
  readonly setupProtocol: Susp<(nr: SoftirqNr) => void>
  /** A record was created, all its words 0. eventLock held; nobody else knows it. */
  readonly initRecord: Susp<(dpci: Record) => void>
  /** An interrupt came for a bound record (DP-1). Interrupt context, IF = 0, irqDesc.lock held. */
  readonly scheduleDpci: Susp<(dpci: Record) => void>
  /** Whether a run is wanted or under way, or the record is still on some list (DP-6). eventLock held, or at rest. */
  readonly dpciActive: Susp<(dpci: Record) => boolean>
  /** Cancel what has not begun (DP-5). eventLock held, after the guest unbind; the caller has a reference to the domain. */
  readonly dpciReset: Susp<(dpci: Record) => void>
  /** A CPU is about to come up: it begins with nothing to serve (DP-13). On the CPU that brings it up. */
  readonly protocolCpuPrepare: Susp<(cpu: number) => void>
  /** A CPU died: serve what it left (DP-13). On the CPU that handles the death, IF = 1. */
  readonly protocolCpuDead: Susp<(cpu: number) => void>
}
