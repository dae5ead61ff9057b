// SPDX-License-Identifier: MIT
/**
 * Our own build tool, as built. The name is kept from the bundlers that load configuration files: they would follow
 * tsconfig's `paths` to its sources, and bundle those.
 */
const name = '@bottomhalf/stepping'

export const loadStepping = async () => await import(name) as typeof import('@bottomhalf/stepping')
