// SPDX-License-Identifier: MIT
/** Makes the player's data of a schedule, by running it once more. */
import { replay, type Program, type ReplayOptions, type Schedule, type Violation } from '@bottomhalf/checker'
import { PLAYER_VERSION, type PlayerData, type PlayerViolation } from './data.js'
import { Recorder } from './recorder.js'
import { Sources, type ReadSource } from './sources.js'

export interface PlayerOptions extends Omit<ReplayOptions, 'watch'> {
  readonly facts?: readonly string[]
  readonly command?: string
  readonly readSource?: ReadSource
}

/** Run a schedule and keep everything that there is to see. Throws `ReplayError` where the program does something else. */
export function playerData(program: Program, schedule: Schedule, options: PlayerOptions = {}): PlayerData {
  const { facts = [], command = '', readSource = () => undefined, ...judge } = options
  const sources = new Sources(readSource)
  const recorder = new Recorder(program, sources)
  const { violation } = replay(program, schedule, {
    ...judge, watch: (executor, d, places) => recorder.see(executor, d, places),
  })
  return {
    version: PLAYER_VERSION,
    title: titleOf(schedule),
    facts, command,
    cpus: program.cpuCount,
    contexts: program.contexts.map(({ name, cpu, kind }) => ({ name, cpu, kind })),
    objects: recorder.objects(),
    steps: recorder.steps,
    sources: sources.shown(),
    violation: violation === null ? null : shownViolation(violation),
  }
}

function titleOf({ program, parameters }: Schedule): string {
  const values = Object.entries(parameters).map(([name, value]) => `${name} = ${value}`)
  return values.length === 0 ? program : `${program} (${values.join(', ')})`
}

function shownViolation({ kind, message, step, context }: Violation): PlayerViolation {
  return { kind, message, step, context }
}
