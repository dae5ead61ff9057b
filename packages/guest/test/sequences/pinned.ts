// SPDX-License-Identifier: MIT
/** Sequences that once found something, shrunk. They stay. */
import type { Script } from './script.js'

export const pinned: readonly { readonly seed: number, readonly script: Script }[] = []
