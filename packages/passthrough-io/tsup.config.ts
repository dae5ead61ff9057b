// SPDX-License-Identifier: MIT
import { mechanism } from '../../tools/tsup.ts'
import { imports } from './imports.ts'

const entry = ['src/index.ts', 'src/variant.ts', 'src/protocolTasklet.ts', ...Object.values(imports)]

export default mechanism({ entry, external: Object.keys(imports), steppedModules: true })
