// SPDX-License-Identifier: MIT
/**
 * Run a scenario on threads: start the machine and its conductor, show progress, end both in order, put the report together.
 */
import { createSharedMemory } from '@bottomhalf/machine/provide'
import { startMachine, type Outcome, type RunningMachine } from '@bottomhalf/threads'
import {
  invariantNames, RunFailedError, RunRefusedError, type DeviceReport, type GuestReport, type InvariantName,
  type Progress, type RunOptions, type RunReport, type Unserved,
} from './report.js'
import { Shared, type RunData } from './shared.js'
import type { GuestScenario } from '@bottomhalf/scenario'
import type { ConductorReport, Refusal } from './conductor.js'
import type { RestReport } from './entry.js'

const MEMORY_WORDS = 8 * 1024 * 1024
const PROGRESS_MS = 1000

/** Where the modules lie that the threads load: beside this one. */
const moduleUrl = (name: string): URL => new URL(`./${name}.js`, import.meta.url)

/**
 * Run once. `stop` ends the run early, in order, with the report so far; undefined if it came before anything ran. Throws `RunRefusedError` when the machine cannot hold the
 * scenario, `RunFailedError` when it dies; its evidence is saved then.
 */
export async function runScenario(
  options: RunOptions, onProgress: (progress: Progress) => void = () => undefined, stop?: AbortSignal,
): Promise<RunReport | undefined> {
  if (stop?.aborted === true) return undefined
  const data: RunData = { options, shared: new SharedArrayBuffer(Shared.words * 4) }
  const machine = startMachine({
    cpus: options.scenario.cpus,
    entry: moduleUrl('entry'),
    cpuMain: 'pcpuMain',
    data: { ...data, options: { ...options, recordings: {} } },   // only the conductor replays: they may be large
    memory: createSharedMemory(MEMORY_WORDS),
    conditions: options.defer === 'tasklet' ? ['tasklet'] : [],
    debug: options.debug,
    evidence: { folder: options.evidence },
  })
  const counts = new Int32Array(data.shared)
  const early = { is: false }
  const askToStop = (): void => {
    Atomics.store(counts, Shared.stop, 1)
    early.is = Atomics.load(counts, Shared.running) === 0
    if (early.is) void machine.stop()                                  // a start may take longer than anybody waits
  }
  stop?.addEventListener('abort', askToStop)
  try {
    return await conduct(machine, data, counts, onProgress)
  } catch (error) {
    if (early.is && (await machine.stopped).reason === 'requested') return undefined
    throw error
  } finally {
    stop?.removeEventListener('abort', askToStop)
  }
}

async function conduct(
  machine: RunningMachine, data: RunData, counts: Int32Array, onProgress: (progress: Progress) => void,
): Promise<RunReport> {
  const ends = machine.stopped.then(failure)
  const conducted = startConductor(machine, data)
  const stopWatching = watch(data.options, counts, onProgress, machine)
  try {
    const found = await Promise.race([conducted, ends])
    const outcome = await machine.stop()
    if (outcome.reason !== 'requested') failure(outcome)
    if ('refused' in found) throw new RunRefusedError(found.refused)
    const rest = outcome.reports.find((report) => report !== undefined) as RestReport | undefined
    if (rest === undefined) throw new RunFailedError('the run ended without its report', outcome.evidencePath)
    return reportOf(data.options, found, rest)
  } finally {
    stopWatching()
    await machine.stop()
  }
}

async function startConductor(machine: RunningMachine, data: RunData): Promise<ConductorReport | Refusal> {
  const outcome = machine.stopped
  try {
    await machine.online
    const agent = await machine.startAgent({ module: moduleUrl('conductor'), name: 'conductor', data })
    const found = await agent.done
    if (found !== undefined) return found as ConductorReport | Refusal
  } catch {
    // the machine died under it: its outcome says why
  }
  return failure(await outcome)
}

function failure(outcome: Outcome): never {
  throw new RunFailedError(`the machine stopped (${outcome.reason}): ${outcome.message}`, outcome.evidencePath)
}

/** Call `onProgress` every second, and do what the options ask for on the way. Returns what ends it. */
function watch(
  options: RunOptions, counts: Int32Array, onProgress: (progress: Progress) => void, machine: RunningMachine,
): () => void {
  const timer = setInterval(() => {
    onProgress({
      defer: options.defer,
      elapsedNs: Math.min(Atomics.load(counts, Shared.elapsedMs) * 1e6, options.durationNs),
      durationNs: options.durationNs,
      raised: Atomics.load(counts, Shared.raised),
      delivered: Atomics.load(counts, Shared.delivered),
      coalesced: Atomics.load(counts, Shared.coalesced),
      unserved: Atomics.load(counts, Shared.unserved),
      events: Atomics.load(counts, Shared.events),
    })
  }, PROGRESS_MS)
  const { killCpu } = options
  const fault = killCpu && setTimeout(() => { void machine.killWorker(killCpu.cpu) }, killCpu.atNs / 1e6)
  return () => {
    clearInterval(timer)
    clearTimeout(fault)
  }
}

function reportOf(options: RunOptions, found: ConductorReport, rest: RestReport): RunReport {
  const total = (of: (device: DeviceReport) => number): number => sum(found.devices, of)
  const lock = { acquisitions: 0, contended: 0, waitNs: 0 }
  for (const one of rest.locks) {
    lock.acquisitions += one.acquisitions
    lock.contended += one.contended
    lock.waitNs += one.waitNs
  }
  return {
    defer: options.defer,
    taskletLock: options.defer === 'tasklet' ? options.taskletLock : null,
    seconds: found.seconds,
    raised: total((d) => d.raised),
    delivered: total((d) => d.delivered),
    coalesced: total((d) => d.coalesced),
    unserved: unservedOf(found.devices),
    lost: total((d) => d.lost),
    latencyNs: found.latencyNs,
    lock: { ...lock, classes: rest.locks },
    ipis: rest.ipis,
    softirqs: rest.softirqs,
    devices: found.devices,
    guests: options.scenario.guests.map((guest, i) => guestReport(guest, found.guests[i], found.devices)),
    events: found.events,
    restarts: found.restarts,
    invariants: invariants(found, rest),
  }
}

function guestReport(guest: GuestScenario, found: ConductorReport['guests'][number] | undefined, all: readonly DeviceReport[]): GuestReport {
  const devices = all.filter((device) => device.guest === guest.name)
  return {
    name: guest.name,
    class: guest.devices.length > 0 ? 'busy' : 'idle',
    misbehaves: Object.keys(guest.misbehave ?? {}).length > 0,
    raised: sum(devices, (device) => device.raised),
    lost: sum(devices, (device) => device.lost),
    ...found ?? nobody,
  }
}

const noLatency = { p50: 0, p99: 0, p999: 0, max: 0 }
const nobody = { runningNs: 0, eatenNs: 0, runnableNs: 0, blockedNs: 0, ticks: 0, lives: 0, latencyNs: noLatency }

function unservedOf(devices: readonly DeviceReport[]): Unserved {
  const of = (why: keyof Unserved): number => sum(devices, (device) => device.unserved[why])
  return {
    gone: of('gone'), crashed: of('crashed'), notEnded: of('notEnded'), masked: of('masked'), scribbled: of('scribbled'),
    limited: of('limited'),
  }
}

function sum<T>(items: readonly T[], of: (item: T) => number): number {
  return items.reduce((total, item) => total + of(item), 0)
}

function invariants(found: ConductorReport, rest: RestReport): Record<InvariantName, string> {
  const wrong: Partial<Record<string, string[]>> = {}
  const note = (label: string, text: string): void => { (wrong[label] ??= []).push(text) }
  for (const { guest, name, lost } of found.devices) if (lost !== 0) note('I1', `${lost} of ${guest}/${name} lost`)
  for (const fault of [...found.faults, ...rest.faults]) note(fault.label, fault.found)
  return Object.fromEntries(invariantNames.map((name) => [name, wrong[name]?.join('; ') ?? 'ok'])) as Record<InvariantName, string>
}
