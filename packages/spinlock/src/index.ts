// SPDX-License-Identifier: MIT
/** @bottomhalf/spinlock: locks in shared memory, with order checks and a profile. */
export {
  knownLocks, spinBarrier, spinIsLocked, SpinLock, spinLock, spinLockInit, spinLockIrq, spinLockIrqsave,
  spinLockProfile, spinLockRecursive, spinTrylock, spinTrylockIrq, spinTrylockIrqsave, spinTrylockRecursive,
  spinUnlock, spinUnlockIrq, spinUnlockIrqrestore, spinUnlockRecursive,
} from './spinlock.js'
export {
  readLock, readLockIrq, readLockIrqsave, readTrylock, readUnlock, readUnlockIrq, readUnlockIrqrestore, rwIsLocked,
  rwIsWriteLocked, RwLock, rwLockInit, rwLockProfile, writeLock, writeLockIrq, writeLockIrqsave, writeTrylock,
  writeUnlock, writeUnlockIrq, writeUnlockIrqrestore,
} from './rwlock.js'
export type { KnownLock } from './known.js'
export { lockClass } from './lockClass.js'
export type { LockClass, LockClassOptions } from './lockClass.js'
export { assertNoLocksHeld, beginAwaited, declareLockOrder, endAwaited, locksHeld, mightWaitFor } from './lockdep.js'
export { setupSpinlocks } from './setup.js'
export type { SpinlockOptions } from './setup.js'
export { defaultLockKind, LOCK_TAS, LOCK_TICKET, LockMeta, PROFILE_HOLDS, PROFILE_OFF, PROFILE_WAITS } from './meta.js'
export type { LockKind, ProfileLevel } from './meta.js'
export type { LockProfile } from './profile.js'
