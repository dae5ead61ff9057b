// SPDX-License-Identifier: MIT
/** Explores parts of a search for somebody else. */
import type { CheckOptions } from '../checkOptions.js'
import type { Program } from '../program.js'
import { Run } from '../run.js'
import { depthOfParts, isSplittable, type Subtree, type SubtreeResult } from './subtree.js'

/** A part that is so many times larger than it should be is given up. */
const LARGE = 6

/** What explores parts of the search that `checkParallel` does with the same program and options. */
export function subtreeExplorer(program: Program, options: CheckOptions): (subtree: Subtree) => SubtreeResult {
  const unlimited = { ...options, maxExecutions: Infinity, maxSeconds: Infinity }
  return (subtree) => {
    const footprints = subtree.footprints === null ? null : program.footprints ?? null
    footprints?.restore(subtree.footprints ?? [])
    footprints?.clear()
    const isLarge = (): boolean => run.search.counts.steps > LARGE * subtree.partSteps
    const run: Run = new Run(program, { ...unlimited, stop: isLarge }, footprints)
    return explored(run, subtree)
  }
}

function explored(run: Run, { path, sleeping, partSteps }: Subtree): SubtreeResult {
  const { session, strategy, search, findings, footprints } = run
  if (!isSplittable(strategy)) throw new Error(`a search with ${strategy.name} has no parts`)
  for (const label of path) {
    session.step(label)
    strategy.stepped()
  }
  strategy.plant(sleeping)
  run.go()
  const learned = footprints?.grew === true ? footprints.save() : null
  const isLarge = !search.exhausted && learned === null && !findings.isOver
  const smaller = isLarge ? depthOfParts(run, path.length, partSteps) : null
  return { counts: search.counts, found: findings.found(), asked: strategy.asked(), learned, smaller }
}
