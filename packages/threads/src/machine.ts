// SPDX-License-Identifier: MIT
/**
 * Start a machine on real threads, one worker per CPU, and bring it down in order, whatever happens.
 *
 *     const machine = startMachine({ cpus: 4, entry: new URL('./entry.js', import.meta.url), cpuMain: 'pcpuMain' })
 *     await machine.online
 *     await machine.startAgent({ module: new URL('./device.js', import.meta.url), data: { rateHz: 1000 } })
 *     const outcome = await machine.stop()
 *
 * A machine ends in one of three ways: its CPUs returned (asked to, or on their own); some code of it threw; a thread was
 * lost. In the last two the others are unwound, and what is left is written down. `stopped` always resolves.
 */
import { cpuStates } from './control.js'
import type { AgentStart, CpuStart, WorkerMessage, WorkerStart } from './control.js'
import { fail, goDown, lost } from './down.js'
import { deferred, newState } from './state.js'
import type { State } from './state.js'
import { allExited, startThread, within } from './thread.js'
import type { Thread } from './thread.js'
import { MachineStartError } from './types.js'
import type { Agent, AgentOptions, MachineOptions, RunningMachine } from './types.js'

/** Start the CPUs. Throws only for options that cannot be meant. */
export function startMachine(options: MachineOptions): RunningMachine {
  if (!Number.isInteger(options.cpus) || options.cpus < 1 || options.cpus > 256) {
    throw new RangeError(`cpus is ${options.cpus}, expected 1..256`)
  }
  const state = newState(options)
  for (let cpu = 0; cpu < options.cpus; cpu++) state.cpus.push(startCpu(state, cpu))
  void watchStart(state)
  void watchEnd(state)
  return {
    cpus: options.cpus,
    memory: state.memory,
    online: state.online.promise,
    stopped: state.stopped.promise,
    stop: () => goDown(state),
    startAgent: (agent) => startAgent(state, agent),
    killWorker: async (cpu) => { await state.cpus[cpu]?.worker.terminate() },
  }
}

function startCpu(state: State, cpu: number): Thread {
  const { cpus, debug = false, trace = true, formatted = false, cpuMain } = state.options
  const start: CpuStart = { ...common(state), cpu, cpuMain, format: formatted ? undefined : { cpus, debug, trace } }
  const thread = startThread('worker.js', `CPU ${cpu}`, start, state.options)
  thread.onMessage = (message) => { hearCpu(state, cpu, message) }
  thread.onLost = (thrown) => { fail(state, { reason: 'worker-lost', cpu, agent: undefined, thrown }) }
  return thread
}

function common({ memory, control, options }: State): WorkerStart {
  return { memory, control, entry: options.entry.href, data: options.data }
}

function hearCpu(state: State, cpu: number, message: WorkerMessage): void {
  switch (message.kind) {
    case 'booted': state.names = message.names; break
    case 'online':
      if (++state.onlineCount === state.options.cpus) state.online.resolve(undefined)
      break
    case 'ended': state.reports[cpu] = message.value; break
    case 'failed': fail(state, { reason: 'bug', cpu, agent: undefined, thrown: message.thrown }); break
  }
}

async function startAgent(state: State, options: AgentOptions): Promise<Agent> {
  await state.online.promise
  if (state.goingDown) throw new MachineStartError('no agent starts on a machine that stops')
  const { module, exportName = 'run', name = exportName, data } = options
  const start: AgentStart = { ...common(state), data, module: module.href, exportName }
  const thread = startThread('agentWorker.js', name, start, state.options)
  state.agents.push(thread)
  const running = deferred<undefined>()
  let result: unknown
  thread.onMessage = (message) => {
    if (message.kind === 'online') running.resolve(undefined)
    if (message.kind === 'ended') result = message.value
    if (message.kind !== 'failed') return
    running.reject(new MachineStartError(`agent ${name}: ${message.thrown.message}`))
    fail(state, { reason: 'bug', cpu: undefined, agent: name, thrown: message.thrown })
  }
  thread.onLost = (thrown) => {
    running.reject(new MachineStartError(`agent ${name}: ${thrown.message}`))
    fail(state, { reason: 'worker-lost', cpu: undefined, agent: name, thrown })
  }
  await running.promise
  return { name, done: thread.exited.then(() => result) }
}

async function watchStart(state: State): Promise<void> {
  const { startMs = 60_000 } = state.options
  const settled = state.online.promise.catch(() => undefined)
  if (await within(startMs, Promise.race([settled, state.stopped.promise]))) return
  const late = cpuStates(state.control).map((name, cpu) => `CPU ${cpu} ${name}`).filter((text) => !text.endsWith('online'))
  fail(state, lost(`not online after ${startMs} ms: ${late.join(', ')}`))
}

/** CPUs may end on their own: then the machine is down, too. */
async function watchEnd(state: State): Promise<void> {
  await allExited(state.cpus)
  await goDown(state)
}
