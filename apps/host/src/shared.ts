// SPDX-License-Identifier: MIT
/** What the starter of a run and its conductor share: counts to show, and the wish to end. */
import type { RunOptions } from './report.js'

/** Indices into the shared words. */
export const Shared = {
  stop: 0, raised: 1, delivered: 2, coalesced: 3, unserved: 4, elapsedMs: 5, running: 6, events: 7, words: 8,
} as const

/** What the threads of a run are started with. */
export interface RunData { readonly options: RunOptions, readonly shared: SharedArrayBuffer }
