// SPDX-License-Identifier: MIT
/** Lines of the guest behind the tasklet form of the protocol. */
import { vi } from 'vitest'
import { lineSuite } from './lineSuite.js'

vi.mock('#protocol', () => import('../src/protocolTasklet.js'))

lineSuite()
