// SPDX-License-Identifier: MIT
/**
 * Results of operations that may fail: 0 or a negative errno, as the hypervisor's own functions return them.
 *
 * Mechanism code never throws for an expected failure; the front door (`hypervisor`) turns a result into an error once.
 * The numbers are those of POSIX and Linux; ERESTART means "continue this operation after serving what is pending".
 *
 * Source: SPEC 1 (vocabulary), DESIGN 5.
 */

/** 0 or a negative errno. The lint rule `errno-used` refuses to drop one. */
export type Errno = number & { readonly __errno?: never }

export const EPERM = 1
export const ESRCH = 3
export const EAGAIN = 11
export const ENOMEM = 12
export const EBUSY = 16
export const EEXIST = 17
export const ENODEV = 19
export const EINVAL = 22
export const ENOSPC = 28
export const ERESTART = 85
export const EOPNOTSUPP = 95

const names: ReadonlyMap<number, string> = new Map([
  [EPERM, 'EPERM'], [ESRCH, 'ESRCH'], [EAGAIN, 'EAGAIN'], [ENOMEM, 'ENOMEM'], [EBUSY, 'EBUSY'], [EEXIST, 'EEXIST'],
  [ENODEV, 'ENODEV'], [EINVAL, 'EINVAL'], [ENOSPC, 'ENOSPC'], [ERESTART, 'ERESTART'], [EOPNOTSUPP, 'EOPNOTSUPP'],
])

/** The name of a result, for messages: `-EINVAL`, `0`, or the number when it is none of the field's. */
export function errnoName(result: number): string {
  const name = names.get(-result)
  return name === undefined ? String(result) : `-${name}`
}
