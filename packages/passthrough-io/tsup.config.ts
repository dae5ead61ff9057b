// SPDX-License-Identifier: MIT
import { mechanism } from '../../tools/tsup.ts'

export default mechanism({ entry: ['src/index.ts', 'src/variant.ts', 'src/protocolSoftirq.ts', 'src/protocolTasklet.ts'], external: ['#protocol'], steppedModules: true })
