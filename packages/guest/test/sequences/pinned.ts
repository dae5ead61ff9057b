// SPDX-License-Identifier: MIT
/** Sequences that once found something, shrunk. They stay. */
import type { Script } from './script.js'

export const pinned: readonly { readonly seed: number, readonly script: Script }[] = [
  { seed: 611913, script: [
    ['create', 1, 1, 0], ['bind', 1, 0, 0], ['kill', 2], ['create', 3, 1, 0], ['bind', 2, 0, 0], ['arrive', 0, 1],
    ['kill', 1],
  ] },
  { seed: 104434, script: [['create', 1, 1, 0], ['bind', 1, 0, 0], ['bind', 1, 1, 2], ['arrive', 3, 1], ['pass', 2]] },
  { seed: 359058, script: [
    ['create', 1, 1, 0], ['bind', 1, 0, 0], ['unbind', 1, 1], ['cpuUp', 0], ['unbind', 2, 0], ['create', 2, 0, 1],
    ['pass', 5], ['bind', 1, 4, 2], ['unbind', 2, 0],
  ] },
]
