// SPDX-License-Identifier: MIT
/** @bottomhalf/player: an execution as data, as one page that works offline, and as a trace for a browser's viewer. */
export { PLAYER_VERSION } from './data.js'
export type {
  PlayerAccess, PlayerContext, PlayerData, PlayerField, PlayerObject, PlayerPlace, PlayerRule, PlayerSource, PlayerStep,
  PlayerViolation,
} from './data.js'
export { cProgram } from './cProgram.js'
export type { CProgramOptions } from './cProgram.js'
export { playerPage } from './page.js'
export { chromeTrace } from './chromeTrace.js'
export { playerData } from './fromReplay.js'
export type { PlayerOptions } from './fromReplay.js'
export type { ReadSource } from './sources.js'
