// SPDX-License-Identifier: MIT
/** What goes to the thread of a form, and what comes back. */
import type { Exploration, ExploreOptions, Followed, Schedule, Violation } from '@bottomhalf/checker'
import type { SituationCost } from './costs.js'

export interface Job {
  readonly model: string
  readonly values: Readonly<Record<string, number>>
  readonly options: ExploreOptions
  /** Run this schedule again instead of exploring; or, if it is of another form, follow its choices. */
  readonly schedule?: Schedule
  readonly follow?: boolean
}

/** Count what a delivery costs. */
export const COUNT = 'count'

export type Explored = Omit<Exploration, 'digest' | 'checkpoint'>

export type Outcome =
  | { readonly kind: 'explored', readonly result: Explored }
  | { readonly kind: 'replayed', readonly violation: Violation | null }
  | { readonly kind: 'followed' } & Followed
  | { readonly kind: 'counted', readonly costs: readonly SituationCost[] }
  | { readonly kind: 'failed', readonly message: string }
