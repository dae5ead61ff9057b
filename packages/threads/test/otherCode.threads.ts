// SPDX-License-Identifier: MIT
/** An agent with a struct that the machine's CPUs do not have. */
import { struct, word } from '@bottomhalf/machine'

export const Stranger = struct('Stranger', { a: word })

export function run(): number {
  return Stranger.sizeWords
}
