// SPDX-License-Identifier: MIT
/**
 * Our own build tool, as built. Its place is kept from the bundlers that load configuration files: they would take it along.
 * The workspace's own package.json does not name it: turbo would take every package below it for a part of everything.
 */
import type * as Stepping from '../packages/stepping/src/index.ts'

const entry = new URL('../packages/stepping/dist/index.js', import.meta.url).href

export const loadStepping = async () => await import(entry) as typeof Stepping
