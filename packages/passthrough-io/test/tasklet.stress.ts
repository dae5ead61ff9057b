// SPDX-License-Identifier: MIT
import { vi } from 'vitest'
import { stressSuite } from './stressSuite.js'

vi.mock('#protocol', () => import('../src/protocolTasklet.js'))

stressSuite(['tasklet'])
