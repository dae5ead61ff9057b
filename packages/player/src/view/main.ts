/// <reference lib="dom" />
// SPDX-License-Identifier: MIT
/** The page's script: reads the data beside it, shows it, and listens. */
import { start } from './start.js'

const data = document.getElementById('data')?.textContent ?? ''
const root = document.getElementById('player')
if (root !== null) start(root, data)
