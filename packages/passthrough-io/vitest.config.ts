// SPDX-License-Identifier: MIT
import { mechanism } from '../../tools/vitest.ts'
import { imports } from './imports.ts'

export default mechanism(import.meta.dirname, imports)
