// SPDX-License-Identifier: MIT
/** Form A, the baseline, behind everything else. */
import { vi } from 'vitest'
import { bindSuite } from './bindSuite.js'

vi.mock('#protocol', () => import('../src/protocolTasklet.js'))

bindSuite('tasklet')
