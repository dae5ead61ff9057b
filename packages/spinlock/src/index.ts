// SPDX-License-Identifier: MIT
/** @bottomhalf/spinlock: locks in shared memory, with order checks and a profile. */
export {
  spinBarrier, spinIsLocked, SpinLock, spinLock, spinLockInit, spinLockIrq, spinLockIrqsave, spinLockProfile,
  spinLockRecursive, spinTrylock, spinTrylockIrq, spinTrylockIrqsave, spinTrylockRecursive, spinUnlock, spinUnlockIrq,
  spinUnlockIrqrestore, spinUnlockRecursive,
} from './spinlock.js'
export {
  readLock, readLockIrq, readLockIrqsave, readTrylock, readUnlock, readUnlockIrq, readUnlockIrqrestore, rwIsLocked,
  rwIsWriteLocked, RwLock, rwLockInit, rwLockProfile, writeLock, writeLockIrq, writeLockIrqsave, writeTrylock,
  writeUnlock, writeUnlockIrq, writeUnlockIrqrestore,
} from './rwlock.js'
export { knownLocks } from './known.js'
export type { KnownLock } from './known.js'
export { lockClass } from './lockClass.js'
export type { LockClass, LockClassOptions } from './lockClass.js'
export {
  assertNoLocksHeld, beginAwaited, declareLockOrder, endAwaited, locksHeld, mightWaitFor,
} from './lockdep.js'
export {
  defaultLockKind, LOCK_TAS, LOCK_TICKET, LockMeta, PROFILE_HOLDS, PROFILE_OFF, PROFILE_WAITS, setupSpinlocks,
} from './meta.js'
export type { LockKind, ProfileLevel, SpinlockOptions } from './meta.js'
export type { LockProfile } from './profile.js'
