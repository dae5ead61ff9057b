// SPDX-License-Identifier: MIT
import { mechanism } from '../../tools/tsup.ts'

export default mechanism()
