// SPDX-License-Identifier: MIT
import { models } from '../../tools/vitest.ts'

export default models(import.meta.dirname)
