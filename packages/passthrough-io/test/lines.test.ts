// SPDX-License-Identifier: MIT
/** Lines of the guest behind the production form of the protocol. */
import { lineSuite } from './lineSuite.js'

lineSuite()
