// SPDX-License-Identifier: MIT
import { plain } from '../../tools/vitest.ts'

export default plain(import.meta.dirname)
