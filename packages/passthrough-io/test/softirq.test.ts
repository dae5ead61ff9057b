// SPDX-License-Identifier: MIT
/** The production form of the protocol, behind everything else. */
import { bindSuite } from './bindSuite.js'

bindSuite('softirq')
