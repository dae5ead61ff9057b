// SPDX-License-Identifier: MIT
/** Rejected idea R4: a cancel leaves `masked` on. With the assist of its time, which took what is no MSI for a line. */
import type { SoftirqNr } from '@bottomhalf/base'
import { handler } from '@bottomhalf/machine'
import type { DpciProtocol } from '@bottomhalf/passthrough-io/variant'
import { adoptList as protocolCpuDead, initRecord, protocolCpuPrepare, setupList } from './linkedList.js'
import { putBack, cancel as dpciReset, dpciActive, scheduleDpci, serveList } from './published.js'

export const PROTOCOL_NAME = 'R4'

const dpciSoftirqHandler = handler('dpciSoftirq', (_nr: number): void => { serveList(putBack) })

export function setupProtocol(nr: SoftirqNr): void {
  setupList(nr, dpciSoftirqHandler)
}

export { dpciActive, dpciReset, initRecord, protocolCpuDead, protocolCpuPrepare, scheduleDpci }

export const protocol: DpciProtocol = {
  PROTOCOL_NAME, setupProtocol, initRecord, scheduleDpci, dpciActive, dpciReset, protocolCpuPrepare, protocolCpuDead,
}
