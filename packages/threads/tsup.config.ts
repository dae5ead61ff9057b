// SPDX-License-Identifier: MIT
import { plain } from '../../tools/tsup.ts'

export default plain({ entry: ['src/index.ts', 'src/worker.ts', 'src/agentWorker.ts'] })
