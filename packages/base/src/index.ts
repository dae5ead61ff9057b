// SPDX-License-Identifier: MIT
/** @bottomhalf/base: what every layer speaks: errno results, BUG, branded ids, bit arithmetic. */
export {
  EAGAIN, EBUSY, EEXIST, EINVAL, ENODEV, ENOMEM, ENOSPC, EOPNOTSUPP, EPERM, ERESTART, ESRCH, errnoName,
} from './errno.js'
export type { Errno } from './errno.js'
export { assert, bug, BugError } from './bug.js'
export { bitMask, bitWeight, highestBit, lowestBit, roundUp } from './bits.js'
export { hashString, hashWord } from './hash.js'
export type { CpuId, DomId, Gsi, GuestGsi, Irq, Pirq, Ref, SoftirqNr, Vector } from './ids.js'
export { InputError } from './inputError.js'
export type { TextPlace } from './inputError.js'
