// SPDX-License-Identifier: MIT
/**
 * What a module that takes the place of one of this package is written with (DP-15): the records and lines, the assist, the
 * walks, the ends of bindings; the modules of production, of which it may keep what it does not alter; and by name what the
 * modules in their places do, exchanged or not.
 *
 * Such a module imports these from `@bottomhalf/passthrough-io/variant`, never from the package's front, which needs the
 * module first.
 */
export * from './records.js'
export * from './lines.js'
export { hvmDirqAssist } from './assist.js'
export { clearBinding } from './bindGuest.js'
export { bindRules } from './bindRules.js'
export { iterate } from './iterate.js'
export { pending } from './pending.js'
export { release } from './release.js'
export { ensurePassthroughState, freePassthroughState } from './state.js'
export { timeout } from './timeout.js'
export { dpciRecordsActive, ptPirqIterate } from '#iterate'
export { dpciActive, dpciReset } from '#protocol'
export { armTimeout, endTimeout } from '#timeout'
export type {
  DpciBindRules, DpciIterate, DpciPending, DpciRelease, DpciTimeout,
} from './form.js'
export type { PirqVisitor } from './iterate.js'
export type { DpciProtocol } from './protocol.js'
