// SPDX-License-Identifier: MIT
import { plain } from '../../tools/tsup.ts'

export default plain({ entry: ['src/main.ts'], publicDir: '../../scenarios' })
