// SPDX-License-Identifier: MIT
/**
 * Where forms of the subsystem differ beside their protocol (protocol.ts): what else was found wrong in it over the years.
 *
 * Each interface is a module of a few functions that the rest calls by name through a package import, as it does
 * `#protocol`: another form takes the module's place when the package is built or loaded (DP-15). A module exports each of
 * its functions and, under the name of the import, all of them, so that every function may suspend in the stepped build.
 */
import type { Errno, Ref } from '@bottomhalf/base'
import type { Susp } from '@bottomhalf/machine'

type Domain = Ref<'Domain'>
type Record = Ref<'HvmPirqDpci'>
type Line = Ref<'GuestLine'>

/** `#bindRules`: who may bind, and how a bind waits for a run of the binding before (DP-10). */
export interface DpciBindRules {
  /** 0 if the record may be bound, or bound further, now; or the errno that says why not. eventLock held. */
  readonly whyNotBind: Susp<(d: Domain, dpci: Record) => Errno>
  /** Call `attempt` with eventLock held, and answer what it answers. No lock held. */
  readonly bindUnderLock: Susp<(d: Domain, attempt: Susp<() => Errno>) => Errno>
}

/** `#pending`: the arrivals that a guest has still to end (DP-7, DP-9). eventLock held. */
export interface DpciPending {
  /** A line was asserted. `again`: the guest may have begun to serve the line before that, and no other arrival tells it. */
  readonly countPending: Susp<(dpci: Record, line: Line, again: boolean) => void>
  /** The guest ended a line: whether the machine's interrupt is to be ended for that. */
  readonly endPending: Susp<(dpci: Record, line: Line) => boolean>
}

/** `#timeout`: what ends an interrupt whose guest never does (DP-8). eventLock held. */
export interface DpciTimeout {
  /** The record is about to be bound to lines. */
  readonly initTimeout: Susp<(dpci: Record) => void>
  /** Its lines were asserted: the guest has some time from now. */
  readonly armTimeout: Susp<(dpci: Record) => void>
  /** The guest has ended all lines. */
  readonly stopTimeout: Susp<(dpci: Record) => void>
  /** The record's binding is gone. */
  readonly endTimeout: Susp<(dpci: Record) => void>
}

/** `#iterate`: walks over a domain's records (DP-12, DP-16). eventLock held. */
export interface DpciIterate {
  readonly ptPirqIterate: Susp<(d: Domain, visit: Susp<(dpci: Record) => number>) => number>
  readonly dpciRecordsActive: Susp<(d: Domain) => boolean>
}

/** `#release`: the end of a binding, and of all bindings of a domain (DP-11, PCI-5). eventLock held. */
export interface DpciRelease {
  /** End what the record is bound as, with all its lines. */
  readonly endBinding: Susp<(d: Domain, dpci: Record) => void>
  /** End all bindings of a dying domain, and free its passthrough state. -ERESTART: a run is not over. */
  readonly releaseBindings: Susp<(d: Domain) => Errno>
}
