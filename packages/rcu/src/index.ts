// SPDX-License-Identifier: MIT
/** @bottomhalf/rcu: freeing what readers may still look at. */
export {
  callRcu, RCU_BATCH, rcuCallbackClass, rcuIdleEnter, rcuIdleExit, rcuInReadSection, rcuReaderClass, rcuReadLock,
  rcuReadUnlock,
} from './rcu.js'
export { rcuBarrier } from './barrier.js'
export { rcuCpuDead, rcuLockClass, setupRcu } from './setup.js'
export { RcuHead } from './state.js'
export type { RcuHeadRef } from './state.js'
