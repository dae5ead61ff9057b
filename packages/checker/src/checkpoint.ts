// SPDX-License-Identifier: MIT
/**
 * A search that stopped between two executions, as data: the present path, what the strategy left open along it, and
 * what was seen so far. A search that is resumed does what it would have done.
 */
import type { EndSet } from './classes.js'
import type { SavedSet } from './hashSet.js'
import type { Order } from './order.js'
import type { Violation } from './program.js'
import { labelsOf, scheduleOf, type Schedule } from './schedule.js'
import type { Counts } from './search.js'
import type { Session } from './session.js'
import type { Strategy } from './strategies/strategy.js'

const CHECKPOINT_VERSION = 2

export interface SearchState {
  readonly counts: Counts
  readonly waitSignatures: readonly string[]
  readonly wrong: number
  /** The first one, and what shows it. */
  readonly violation: Violation | null
  readonly schedule: Schedule | null
  readonly seconds: number
}

export interface Checkpoint {
  readonly version: number
  readonly strategy: string
  readonly path: Schedule
  readonly open: unknown
  readonly order: number
  readonly state: SearchState
  readonly classes: Readonly<Record<EndSet, SavedSet>>
  /** What was known of who touches which word, if the search made use of it. */
  readonly footprints?: readonly number[]
}

/** A checkpoint of another program, strategy or version, or a file cut short. */
export class CheckpointError extends Error {
  override readonly name = 'CheckpointError'
}

export function checkpointOf(session: Session, strategy: Strategy, order: Order, state: SearchState): Checkpoint {
  const { executor, classes } = session
  return {
    version: CHECKPOINT_VERSION,
    strategy: strategy.name,
    path: scheduleOf(executor, null),
    open: strategy.save(),
    order: order.state,
    state,
    classes: classes.save(),
  }
}

/** Bring a fresh session and strategy to where the checkpoint was taken. Throws `CheckpointError`. */
export function resumeFrom(checkpoint: Checkpoint, session: Session, strategy: Strategy, order: Order): Checkpoint {
  const { executor, classes } = session
  requireFit(checkpoint, session, strategy)
  for (const label of labelsOf(checkpoint.path)) {
    if (((executor.enabled() >>> label) & 1) === 0) throw new CheckpointError('the path of the checkpoint cannot be walked')
    session.step(label)
    strategy.stepped()
  }
  if (scheduleOf(executor, null).steps !== checkpoint.path.steps) throw new CheckpointError('the path of the checkpoint does other steps now')
  strategy.restore(checkpoint.open)
  order.state = checkpoint.order
  classes.restore(checkpoint.classes)
  return checkpoint
}

/** As a file holds it. */
export function formatCheckpoint(checkpoint: Checkpoint): string {
  return `${JSON.stringify(checkpoint)}\n`
}

/** Read what `formatCheckpoint` wrote. Throws `CheckpointError`. */
export function parseCheckpoint(text: string): Checkpoint {
  let data: unknown
  try {
    data = JSON.parse(text)
  } catch {
    throw new CheckpointError('the checkpoint is not JSON: the file is truncated or something else')
  }
  const version = typeof data === 'object' && data !== null ? (data as Partial<Checkpoint>).version : undefined
  if (version !== CHECKPOINT_VERSION) {
    throw new CheckpointError(`the checkpoint has version ${String(version)}, expected ${CHECKPOINT_VERSION}`)
  }
  return data as Checkpoint
}

function requireFit(checkpoint: Checkpoint, { executor }: Session, strategy: Strategy): void {
  const { path } = checkpoint
  const mine = scheduleOf(executor, null)
  const differs = (['program', 'codeHash', 'mode'] as const).find((name) => path[name] !== mine[name])
  if (differs !== undefined) {
    throw new CheckpointError(`the checkpoint has ${differs} ${path[differs]}, this search has ${mine[differs]}`)
  }
  if (checkpoint.strategy !== strategy.name) {
    throw new CheckpointError(`the checkpoint is of strategy ${checkpoint.strategy}, this search uses ${strategy.name}`)
  }
}
