// SPDX-License-Identifier: MIT
/** Form D: a record that another CPU is inside of is put back (March 2015). E1 has the same protocol. */
import type { SoftirqNr } from '@bottomhalf/base'
import { handler } from '@bottomhalf/machine'
import type { DpciProtocol } from '@bottomhalf/passthrough-io/variant'
import { assertListIsEmpty as protocolCpuDead, initRecord, protocolCpuPrepare, setupList } from './linkedList.js'
import { putBack, cancelMasked as dpciReset, dpciActive, scheduleDpci, serveList } from './published.js'

export const PROTOCOL_NAME = 'D'

const dpciSoftirqHandler = handler('dpciSoftirq', (_nr: number): void => { serveList(putBack) })

export function setupProtocol(nr: SoftirqNr): void {
  setupList(nr, dpciSoftirqHandler)
}

export { dpciActive, dpciReset, initRecord, protocolCpuDead, protocolCpuPrepare, scheduleDpci }

export const protocol: DpciProtocol = {
  PROTOCOL_NAME, setupProtocol, initRecord, scheduleDpci, dpciActive, dpciReset, protocolCpuPrepare, protocolCpuDead,
}
