// SPDX-License-Identifier: MIT
/** The forms of the protocol (SPEC 14), and which modules each of them exchanges. */
import type { Exchanges } from './link.js'

export interface Form {
  readonly name: string
  readonly summary: string
  readonly exchanges: Exchanges
}

const published = { '#bindRules': 'bindInPlace', '#pending': 'pendingWraps' } as const

export const forms: readonly Form[] = [
  { name: 'A', summary: 'a tasklet per record, before the change',
    exchanges: { '#protocol': 'protocolA', '#timeout': 'timeoutC', '#pending': 'pendingWraps' } },
  { name: 'B', summary: 'as first published (November 2014)',
    exchanges: { ...published, '#protocol': 'protocolB', '#timeout': 'timeoutB', '#iterate': 'iterateOn', '#release': 'releaseB' } },
  { name: 'C', summary: 'with `masked` (November 2014)',
    exchanges: { ...published, '#protocol': 'protocolC', '#timeout': 'timeoutC', '#iterate': 'iterateOn', '#release': 'releaseB' } },
  { name: 'D', summary: 'a record that another CPU runs is put back (March 2015)',
    exchanges: { ...published, '#protocol': 'protocolD', '#timeout': 'timeoutC', '#iterate': 'iterateOn', '#release': 'releaseB' } },
  { name: '2020', summary: 'a fix of H5 that drops records from the index (2020-2021)',
    exchanges: { ...published, '#protocol': 'protocolD', '#timeout': 'timeoutC', '#release': 'releaseH6' } },
  { name: '2021', summary: 'teardown clears flags, the record timer is still there (2021)',
    exchanges: { ...published, '#protocol': 'protocolD', '#timeout': 'timeoutC', '#release': 'releaseE1', 'assist': 'assistFallsThrough' } },
  { name: 'E1', summary: 'no double unbind, no record timer (2022)',
    exchanges: { ...published, '#protocol': 'protocolD', '#release': 'releaseE1' } },
  { name: 'E2', summary: 'upstream (August 2026)',
    exchanges: { ...published, '#protocol': 'protocolE2', '#release': 'releaseE2' } },
  { name: 'F', summary: 'production', exchanges: {} },
  { name: 'R1', summary: 'rejected: a ZOMBIE bit, and cancel by it',
    exchanges: { ...published, '#protocol': 'protocolR1' } },
  { name: 'R2', summary: 'rejected: an interrupt spins while RUN is on',
    exchanges: { ...published, '#protocol': 'protocolR2' } },
  { name: 'R3', summary: 'rejected: a bind that waits serves softirqs in place',
    exchanges: { ...published, '#protocol': 'protocolE2', '#bindRules': 'bindServing' } },
  { name: 'R4', summary: 'rejected: a cancel leaves `masked` on',
    exchanges: { ...published, '#protocol': 'protocolR4', '#timeout': 'timeoutC', 'assist': 'assistFallsThrough' } },
  { name: 'R5', summary: 'rejected: a record is put back with IF = 1',
    exchanges: { ...published, '#protocol': 'protocolR5' } },
  { name: 'R7', summary: 'rejected: production with linking tied to SCHED',
    exchanges: { '#protocol': 'protocolR7' } },
]
