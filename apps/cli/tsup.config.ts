// SPDX-License-Identifier: MIT
import { plain } from '../../tools/tsup.ts'

export default plain({ entry: { main: 'src/main.ts', worker: 'src/checking/worker.ts' }, publicDir: '../../scenarios' })
