// SPDX-License-Identifier: MIT
/**
 * The front door of the search: a program, a strategy, limits; a verdict with its evidence.
 */
import type { CheckOptions, CheckResult } from './checkOptions.js'
import type { Checkpoint } from './checkpoint.js'
import type { Footprints } from './footprints.js'
import type { Program } from './program.js'
import { Run } from './run.js'

export type { CheckOptions, CheckResult } from './checkOptions.js'

/** Explore a program. */
export function checkProgram(program: Program, given: CheckOptions = {}): CheckResult {
  const options = withoutCuts(given)
  const { footprints = null } = program
  const { everyStep = false, strategy, resume, maxSeconds = Infinity } = options
  if (footprints === null || everyStep || strategy === 'optimal') return checkOnce(program, options, null, resume)
  const now = options.now ?? (() => performance.now())
  const begun = now()
  let result: CheckResult
  let from = resume
  if (resume?.footprints !== undefined) footprints.restore(resume.footprints)
  do {
    footprints.clear()
    const left = maxSeconds - (now() - begun) / 1000
    result = checkOnce(program, { ...options, maxSeconds: left }, footprints, from)
    from = undefined
    const isOver = result.violation !== null && options.collect !== true
    if (!footprints.grew || isOver) break                                                                // F1
  } while (now() - begun < maxSeconds * 1000)
  return result
}

function checkOnce(
  program: Program, options: CheckOptions, footprints: Footprints | null, from: Checkpoint | undefined,
): CheckResult {
  const run = new Run(program, options, footprints)
  if (from !== undefined) run.resume(from)
  return run.go().result()
}

/** A state that was reached by a path that is cut would not be gone on from, however short the way to it. */
function withoutCuts(options: CheckOptions): CheckOptions {
  const { maxSteps, allowLong, ...others } = options
  return options.strategy === 'stateful' && allowLong === true && maxSteps !== undefined ? others : options
}
