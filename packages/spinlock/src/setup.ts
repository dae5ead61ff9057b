// SPDX-License-Identifier: MIT
/**
 * What all locks of the machine are like, chosen at boot before the first is made.
 *
 * Contexts  boot CPU, alone.
 */
import { st } from '@bottomhalf/machine'
import { setupKnownLocks } from './known.js'
import { LOCK_TAS, PROFILE_OFF, Spinlocks, type LockKind, type ProfileLevel } from './meta.js'

export interface SpinlockOptions {
  /** Kind of the locks that do not say their own. Default: test-and-set. */
  readonly kind?: LockKind
  /** What is measured of all locks made from now, which `knownLocks` then lists. Default: nothing. */
  readonly profile?: ProfileLevel
  /** Order and irq-safety checks (LK-2) of all locks made from now. Default: on if the machine has debug checks. */
  readonly checks?: boolean
}

/** Choose what locks made from now are like. Boot, before the first lock is made. */
export function setupSpinlocks(options: SpinlockOptions): void {
  const { kind = LOCK_TAS, profile = PROFILE_OFF } = options
  st(Spinlocks.base + Spinlocks.defaultKind, kind)
  st(Spinlocks.base + Spinlocks.profileLevel, profile)
  st(Spinlocks.base + Spinlocks.checksOff, options.checks === false ? 1 : 0)
  if (profile !== PROFILE_OFF) setupKnownLocks()
}
