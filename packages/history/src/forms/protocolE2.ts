// SPDX-License-Identifier: MIT
/** Form E2: upstream as of August 2026: the list of a dead CPU moves. */
import type { SoftirqNr } from '@bottomhalf/base'
import { handler } from '@bottomhalf/machine'
import type { DpciProtocol } from '@bottomhalf/passthrough-io/variant'
import { adoptList as protocolCpuDead, initRecord, protocolCpuPrepare, setupList } from './linkedList.js'
import { putBack, cancelMasked as dpciReset, dpciActive, scheduleDpci, serveList } from './published.js'

export const PROTOCOL_NAME = 'E2'

const dpciSoftirqHandler = handler('dpciSoftirq', (_nr: number): void => { serveList(putBack) })

export function setupProtocol(nr: SoftirqNr): void {
  setupList(nr, dpciSoftirqHandler)
}

export { dpciActive, dpciReset, initRecord, protocolCpuDead, protocolCpuPrepare, scheduleDpci }

export const protocol: DpciProtocol = {
  PROTOCOL_NAME, setupProtocol, initRecord, scheduleDpci, dpciActive, dpciReset, protocolCpuPrepare, protocolCpuDead,
}
