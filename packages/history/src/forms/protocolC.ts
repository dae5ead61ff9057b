// SPDX-License-Identifier: MIT
/** Form C: with `masked` (November 2014). */
import type { SoftirqNr } from '@bottomhalf/base'
import { handler } from '@bottomhalf/machine'
import type { DpciProtocol } from '@bottomhalf/passthrough-io/variant'
import { assertListIsEmpty as protocolCpuDead, initRecord, protocolCpuPrepare, setupList } from './linkedList.js'
import { busyIsBug, cancelMasked as dpciReset, dpciActive, scheduleDpci, serveList } from './published.js'

export const PROTOCOL_NAME = 'C'

const dpciSoftirqHandler = handler('dpciSoftirq', (_nr: number): void => { serveList(busyIsBug) })

export function setupProtocol(nr: SoftirqNr): void {
  setupList(nr, dpciSoftirqHandler)
}

export { dpciActive, dpciReset, initRecord, protocolCpuDead, protocolCpuPrepare, scheduleDpci }

export const protocol: DpciProtocol = {
  PROTOCOL_NAME, setupProtocol, initRecord, scheduleDpci, dpciActive, dpciReset, protocolCpuPrepare, protocolCpuDead,
}
