// SPDX-License-Identifier: MIT
/** Form B: as first published (November 2014). No `masked`; RUN found on is a BUG (H2); a dead CPU's list must be empty (H3). */
import type { SoftirqNr } from '@bottomhalf/base'
import { handler } from '@bottomhalf/machine'
import type { DpciProtocol } from '@bottomhalf/passthrough-io/variant'
import { assertListIsEmpty as protocolCpuDead, initRecord, protocolCpuPrepare, setupList } from './linkedList.js'
import { busyIsBug, cancel as dpciReset, dpciActive, scheduleDpci, serveList } from './published.js'

export const PROTOCOL_NAME = 'B'

const dpciSoftirqHandler = handler('dpciSoftirq', (_nr: number): void => { serveList(busyIsBug) })

export function setupProtocol(nr: SoftirqNr): void {
  setupList(nr, dpciSoftirqHandler)
}

export { dpciActive, dpciReset, initRecord, protocolCpuDead, protocolCpuPrepare, scheduleDpci }

export const protocol: DpciProtocol = {
  PROTOCOL_NAME, setupProtocol, initRecord, scheduleDpci, dpciActive, dpciReset, protocolCpuPrepare, protocolCpuDead,
}
