// SPDX-License-Identifier: MIT
/**
 * Our own build tool, as built. Its name is kept from the bundlers that load configuration files: they would follow
 * tsconfig's `paths` to its sources and take those along.
 */
import type * as Stepping from '@bottomhalf/stepping'

const name = '@bottomhalf/stepping'

export const loadStepping = async () => await import(name) as typeof Stepping
