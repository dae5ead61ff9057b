// SPDX-License-Identifier: MIT
import { plain } from '../../tools/tsup.ts'

export default plain({ entry: ['src/index.ts', 'src/entry.ts', 'src/conductor.ts'] })
