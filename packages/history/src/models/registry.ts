// SPDX-License-Identifier: MIT
/** The models by name, in stepped form. */
import { bindUnderPcidevs } from './bindUnderPcidevs.js'
import { bindWhileDying } from './bindWhileDying.js'
import { crowded } from './crowded.js'
import { cpuDeath } from './cpuDeath.js'
import { hotplug } from './hotplug.js'
import { kill } from './kill.js'
import type { ModelMaker } from './maker.js'
import { rebindCancelled } from './rebindCancelled.js'
import { rebindUnderFire } from './rebindUnderFire.js'
import { spread } from './spread.js'
import { strayEoi } from './strayEoi.js'
import { lineLife, sharedLine, teardown } from './teardown.js'
import { timeOut } from './timeOut.js'
import { unbindUnderFire } from './unbindUnderFire.js'
import { unmapUnderFire } from './unmapUnderFire.js'
import { updateUnderFire } from './updateUnderFire.js'

export const makers: Readonly<Partial<Record<string, ModelMaker>>> = {
  'bind-under-pcidevs': bindUnderPcidevs,
  'bind-while-dying': bindWhileDying,
  'cpu-death': cpuDeath,
  'crowded': crowded,
  'hotplug': hotplug,
  'kill': kill,
  'line-life': lineLife,
  'rebind-cancelled': rebindCancelled,
  'rebind-under-fire': rebindUnderFire,
  'shared-line': sharedLine,
  'spread': spread,
  'stray-eoi': strayEoi,
  'teardown': teardown,
  'time-out': timeOut,
  'unbind-under-fire': unbindUnderFire,
  'unmap-under-fire': unmapUnderFire,
  'update-under-fire': updateUnderFire,
}
