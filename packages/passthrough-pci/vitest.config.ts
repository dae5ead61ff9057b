// SPDX-License-Identifier: MIT
import { mechanism } from '../../tools/vitest.ts'

export default mechanism(import.meta.dirname)
