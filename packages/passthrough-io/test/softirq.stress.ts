// SPDX-License-Identifier: MIT
import { stressSuite } from './stressSuite.js'

stressSuite([])
