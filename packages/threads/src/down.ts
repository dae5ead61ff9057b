// SPDX-License-Identifier: MIT
/**
 * The ways down of a machine.
 *
 * T3  The first failure is the one that is reported; later ones are its consequences.
 * T4  Agents are joined before CPUs are asked to stop: no device works on a machine without CPUs.
 * T5  Every wait for a thread is bounded: who does not answer within the grace time is terminated.
 * T6  When `stopped` has resolved no thread, timer or handle of the machine is left.
 * T7  A machine that is asked to stop while it starts stops as requested: a thread that still loads its code cannot answer,
 *     and has done nothing yet.
 */
import { Stop } from '@bottomhalf/machine'
import { abandonGate, Control, cpuStates } from './control.js'
import { writeEvidence } from './evidence.js'
import type { Failure, State } from './state.js'
import { allExited, terminateAll, within } from './thread.js'
import { MachineStartError } from './types.js'
import type { Outcome } from './types.js'
import { stopMachineWords } from './words.js'

/** Remember the first failure (T3), unwind the rest. */
export function fail(state: State, failure: Failure): void {
  if (state.failure !== undefined || state.startGivenUp) return
  state.failure = failure
  stopMachineWords(state.words, failure.reason === 'bug' ? Stop.Bug : Stop.WorkerLost)
  state.online.reject(new MachineStartError(messageOf(failure)))
  void goDown(state)
}

/** A thread that is gone or does not answer. */
export function lost(message: string, cpu?: number, agent?: string): Failure {
  return { reason: 'worker-lost', cpu, agent, thrown: { name: 'Error', message, stack: '', label: '' } }
}

/** Bring everything down, once; every caller gets the same outcome. */
export function goDown(state: State): Promise<Outcome> {
  if (!state.goingDown) {
    state.goingDown = true
    void bringDown(state)
  }
  return state.stopped.promise
}

async function bringDown(state: State): Promise<void> {
  abandonGate(state.control)
  await joinAgents(state)
  if (state.failure === undefined) await askCpus(state)
  // T5: waits are unwound by the machine itself; who does not even wait is terminated
  if (!await within(state.graceMs, allExited(state.cpus))) await terminateAll(state.cpus)
  state.online.reject(new MachineStartError('the machine was stopped before it was online'))
  state.stopped.resolve(await outcomeOf(state))
}

async function joinAgents(state: State): Promise<void> {
  const { control, agents, graceMs } = state
  Atomics.store(control, Control.agentsStop, 1)
  Atomics.notify(control, Control.agentsStop)
  if (await within(graceMs, allExited(agents))) return
  const name = agents.find((agent) => !agent.ended)?.name
  fail(state, lost(`did not stop within ${graceMs} ms`, undefined, name))
  await terminateAll(agents)
}

async function askCpus(state: State): Promise<void> {
  const { cpus, graceMs } = state
  stopMachineWords(state.words, Stop.Requested)
  if (await within(graceMs, allExited(cpus))) return
  state.startGivenUp = state.onlineCount < cpus.length                 // T7
  fail(state, lost(`did not stop within ${graceMs} ms`, cpus.findIndex((cpu) => !cpu.ended)))
}

async function outcomeOf(state: State): Promise<Outcome> {
  const { failure, reports, control } = state
  const states = cpuStates(control)
  if (failure === undefined) {
    const nothing = { cpu: undefined, agent: undefined, label: '', stack: '', evidencePath: undefined }
    return { reason: 'requested', message: 'stopped', ...nothing, reports, states }
  }
  const { reason, cpu, agent, thrown: { label, stack } } = failure
  const { evidencePath, note } = await saveEvidence(state, failure, states)
  return { reason, cpu, agent, message: messageOf(failure) + note, label, stack, evidencePath, reports, states }
}

interface Saved { readonly evidencePath: string | undefined, readonly note: string }

/** A full disk must not hide why the machine failed. */
async function saveEvidence(state: State, failure: Failure, states: readonly string[]): Promise<Saved> {
  const { options: { evidence }, words, names } = state
  if (evidence === undefined) return { evidencePath: undefined, note: '' }
  try {
    return { evidencePath: await writeEvidence(words, { ...failure, states, names }, evidence), note: '' }
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    return { evidencePath: undefined, note: ` (no evidence saved: ${why})` }
  }
}

function messageOf({ cpu, agent, thrown }: Failure): string {
  const where = agent !== undefined ? `agent ${agent}: ` : cpu !== undefined ? `CPU ${cpu}: ` : ''
  return where + thrown.message
}
