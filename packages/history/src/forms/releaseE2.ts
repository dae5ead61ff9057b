// SPDX-License-Identifier: MIT
/** The release of form E2: as E1, and an unbind frees the record again (U7). */
import type { DpciRelease } from '@bottomhalf/passthrough-io/variant'
import { releaseBindings } from './releaseE1.js'
import { unbindAndFree as endBinding } from './teardown.js'

export { endBinding, releaseBindings }

export const release: DpciRelease = { endBinding, releaseBindings }
