// SPDX-License-Identifier: MIT
/**
 * The programs that guests may run. A domain's program is chosen by number from outside, and any other handler of the
 * machine would do what it likes.
 *
 * Contexts  setup: boot.  isGuestProgram: any.
 * Locks     none: constant after boot.
 */
import { bug } from '@bottomhalf/base'
import { global, ld, st, word, words, type HandlerRef } from '@bottomhalf/machine'

const MAX_PROGRAMS = 16

const Programs = global('guestPrograms', {
  // constant after boot
  count: word, ids: words(MAX_PROGRAMS),
})

/** Boot: these, and no others. */
export function setupGuestPrograms(programs: readonly HandlerRef[]): void {
  if (programs.length > MAX_PROGRAMS) bug('more guest programs than there is room for')
  for (let i = 0; i < programs.length; i++) st(Programs.base + Programs.ids + i, programs[i]!.id)
  st(Programs.base + Programs.count, programs.length)
}

export function isGuestProgram(id: number): boolean {
  for (let i = 0; i < ld(Programs.base + Programs.count); i++) {
    if (ld(Programs.base + Programs.ids + i) === id) return true
  }
  return false
}
