// SPDX-License-Identifier: MIT
/**
 * What tests say of an exploration. For vitest, jest and whoever extends `expect` like them:
 *
 *     expect.extend(checkerMatchers)
 *     expect(await explore(counter)).toBeClean()
 *     expect(await explore(broken)).toViolate('I5')
 *
 * A failure shows the lanes, and leaves the schedule in a file with the command that replays it.
 */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Exploration } from './model/explore.js'
import { formatSchedule, type Schedule } from './schedule.js'

/** What a matcher returns, and what vitest and jest make a failure of. */
export interface Matched { readonly pass: boolean, readonly message: () => string }

/** Where schedules of failed tests are left, below the working directory. */
const SCHEDULE_FOLDER = '.bottomhalf'

export const checkerMatchers = {
  /** Everything within the bounds was explored and nothing is wrong. An exploration that did not finish is not clean. */
  toBeClean(found: Exploration): Matched {
    const pass = found.verdict === 'clean'
    if (pass) return { pass, message: () => `${found.report}\n\nexpected a violation, or an end without a verdict` }
    return { pass, message: () => `${found.report}${replayHint(found)}` }
  },

  /** Something is wrong: any violation, one of this kind (`deadlock`), or of this rule (`I5`). */
  toViolate(found: Exploration, what?: string): Matched {
    const { violation, rule } = found
    const pass = violation !== null && (what === undefined || what === violation.kind || what === rule)
    const wanted = what === undefined ? 'a violation' : `a violation of ${what}`
    return { pass, message: () => `expected ${pass ? 'no such thing as ' : ''}${wanted}\n\n${found.report}${replayHint(found)}` }
  },
}

function replayHint({ program, schedule }: Exploration): string {
  if (schedule === null) return ''
  const file = leave(program, schedule)
  return `\n\nreplay: BOTTOMHALF_REPLAY=${file} and the command that ran this test`
}

function leave(program: string, schedule: Schedule): string {
  mkdirSync(SCHEDULE_FOLDER, { recursive: true })
  const file = join(SCHEDULE_FOLDER, `${program.replace(/\W+/g, '-')}.json`)
  writeFileSync(file, formatSchedule(schedule))
  return file
}
