// SPDX-License-Identifier: MIT
/**
 * What a module that takes the place of one of this package is written with (DP-15): the records, the assist, the walks.
 *
 * Such a module imports these from `@bottomhalf/passthrough-io/variant`, never from the package's front, which needs the
 * module first.
 */
export * from './records.js'
export { hvmDirqAssist } from './assist.js'
export { dpciRecordsActive, ptPirqIterate } from './iterate.js'
export type { PirqVisitor } from './iterate.js'
export type { DpciProtocol } from './protocol.js'
