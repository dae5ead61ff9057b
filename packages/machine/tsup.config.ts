// SPDX-License-Identifier: MIT
import { mechanism } from '../../tools/tsup.ts'

const shared = { engine: 'src/engine.ts', provide: 'src/provide.ts' }

export default mechanism({
  entry: { index: 'src/index.ts', ...shared },
  steppedByHand: { index: 'src/index.stepped.ts', ...shared },
})
