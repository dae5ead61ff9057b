// SPDX-License-Identifier: MIT
import { execFile } from 'node:child_process'
import { mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { createSharedMemory } from '@bottomhalf/machine/provide'
import { LOCAL_TIMER_VECTOR, NO_CPU, formatMemory } from '@bottomhalf/machine'
import { loadable } from '@bottomhalf/testkit'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { MachineStartError, startMachine } from '../src/index.js'
import type { Evidence, MachineOptions, Outcome, RunningMachine } from '../src/index.js'

const WORDS = 1 << 20
let entry: URL
let otherCode: URL
let folder: string

beforeAll(async () => {
  entry = await loadable(new URL('./cpus.threads.ts', import.meta.url))
  otherCode = await loadable(new URL('./otherCode.threads.ts', import.meta.url))
  folder = await mkdtemp(join(tmpdir(), 'bottomhalf-threads-'))
})
afterAll(async () => { await rm(folder, { recursive: true }) })

interface Report {
  cpu: number
  booted: number
  vectors: number
  wakeups: number
  lastVector: number
  agentEnded: number
}

/** A machine of 3 CPUs on a memory of its own. */
function start(cpuMain: string, options: Partial<MachineOptions> = {}): RunningMachine {
  return startMachine({ cpus: 3, entry, cpuMain, memory: createSharedMemory(WORDS), ...options })
}

function reportsOf(outcome: Outcome): Report[] {
  return outcome.reports as Report[]
}

async function evidenceOf(outcome: Outcome): Promise<Evidence> {
  return JSON.parse(await readFile(outcome.evidencePath ?? '', 'utf8')) as Evidence
}

describe('in order', () => {
  test('every CPU comes online behind the boot on CPU 0, and stops when asked', async () => {
    const machine = start('idles')
    await machine.online
    const outcome = await machine.stop()
    expect(outcome).toMatchObject({ reason: 'requested', evidencePath: undefined })
    expect(outcome.states).toEqual(['returned', 'returned', 'returned'])
    expect(reportsOf(outcome).map(({ cpu }) => cpu)).toEqual([0, 1, 2])
    expect(reportsOf(outcome).map(({ booted }) => booted)).toEqual([1, 1, 1])
    expect(await machine.stopped).toBe(outcome)
    expect(await machine.stop()).toBe(outcome)
  })

  test('a machine whose CPUs return is down', async () => {
    const outcome = await start('returns').stopped
    expect(outcome).toMatchObject({ reason: 'requested', states: ['returned', 'returned', 'returned'] })
  })

  test('stop before all is online: nobody passes the gate, nothing is left', async () => {
    const machine = start('idles', { data: 'loop in boot', graceMs: 100 })
    const outcome = await machine.stop()
    await expect(machine.online).rejects.toThrow(MachineStartError)
    expect(outcome.states.slice(1)).not.toContain('online')
  })

  test('CPU-1: a vector from CPU to CPU wakes the sleeper', async () => {
    const outcome = await start('greets').stopped
    expect(reportsOf(outcome).map(({ vectors }) => vectors)).toEqual([0, 1, 1])
  })

  test('TM-2: a deadline wakes its CPU with LOCAL_TIMER_VECTOR', async () => {
    const outcome = await start('waitsForTimer').stopped
    expect(reportsOf(outcome).map(({ lastVector }) => lastVector)).toEqual(Array(3).fill(LOCAL_TIMER_VECTOR))
  })

  test('CPU-3: a CPU for which nothing happens sleeps', async () => {
    const machine = start('idles')
    await machine.online
    await new Promise((resolve) => { setTimeout(resolve, 300) })
    const reports = reportsOf(await machine.stop())
    // one for the stop, and one for each second that the sleep is bounded by
    for (const { wakeups } of reports) expect(wakeups).toBeLessThan(5)
  })

  test('a second machine starts on the memory of the first', async () => {
    const memory = createSharedMemory(WORDS)
    expect((await start('greets', { memory }).stopped).reason).toBe('requested')
    const outcome = await start('greets', { memory }).stopped
    expect(reportsOf(outcome).map(({ vectors }) => vectors)).toEqual([0, 1, 1])
  })

  test('conditions decide what the workers load, flags of the process are not passed on', async () => {
    const conditional = new URL('./fixtures/conditional/conditional.mjs', import.meta.url)
    const plain = await start('returns', { entry: conditional }).stopped
    const tasklet = await start('returns', { entry: conditional, conditions: ['tasklet'] }).stopped
    expect(plain.reports).toEqual(Array(3).fill({ form: 'softirq', flags: [] }))
    expect(tasklet.reports).toEqual(Array(3).fill({ form: 'tasklet', flags: ['--conditions=tasklet'] }))
  })

  test('the process ends when the machine is down, whatever a worker left open', async () => {
    const program = fileURLToPath(new URL('./fixtures/startAndStop.mjs', import.meta.url))
    const run = promisify(execFile)
    for (const cpuMain of ['idles', 'leavesTimer']) {
      const { stdout } = await run(process.execPath, [program, entry.href, cpuMain], { timeout: 30_000 })
      expect(stdout).toBe('requested\n')
    }
  })

  test('a count of CPUs that cannot be is refused', () => {
    for (const cpus of [0, 257, 1.5]) expect(() => start('idles', { cpus })).toThrow(RangeError)
  })
})

describe('failures', () => {
  test('a CPU that breaks an invariant unwinds all others and leaves evidence', async () => {
    const machine = start('breaks', { debug: true, evidence: { folder, rawMemory: true } })
    const outcome = await machine.stopped
    expect(outcome).toMatchObject({
      reason: 'bug', cpu: 1, label: 'I5', message: 'CPU 1: BUG: I5: this cannot be',
    })
    expect(outcome.states).toEqual(['unwound', 'failed', 'unwound'])
    expect(outcome.stack).toContain('BugError')
    const evidence = await evidenceOf(outcome)
    expect(evidence).toMatchObject({
      version: 1, reason: 'bug', cpu: 1, label: 'I5', states: outcome.states,
      layout: { cpus: 3, debug: true, sizeWords: WORDS }, heap: { Thing: { blocks: 1 } },
    })
    const traced = evidence.cpus.map(({ trace }) => trace.map(({ event, a }) => [event, a]))
    expect(traced).toEqual([[[7, 0]], [[7, 1]], [[7, 2]]])
    expect(evidence.handlers).toContain('breaks')
    expect(evidence.layout.hash).toMatch(/^[0-9a-f]{8}$/)
    const raw = await stat(join(folder, evidence.words ?? ''))
    expect(raw.size).toBeGreaterThan(evidence.layout.heapBase * 4)
    expect(raw.size).toBeLessThan(WORDS * 4)
    expect((await readdir(folder)).filter((name) => name.endsWith('.part'))).toEqual([])
  })

  test('a worker killed while it holds a lock: the spinning CPUs are unwound, the outcome says who was lost', async () => {
    const machine = start('holdsLock', { evidence: { folder } })
    const witness = await machine.startAgent({ module: entry, exportName: 'seesLockHeld' })
    expect(await witness.done).toEqual([1, 0, 1])
    await machine.killWorker(1)
    const outcome = await machine.stopped
    expect(outcome).toMatchObject({ reason: 'worker-lost', cpu: 1, message: 'CPU 1: its thread ended with code 1' })
    expect(outcome.states).toEqual(['unwound', 'online', 'unwound'])
    expect((await evidenceOf(outcome)).reason).toBe('worker-lost')
  })

  test('a worker killed while the machine starts', async () => {
    const machine = start('idles', { data: 'loop in boot', graceMs: 100 })
    await machine.killWorker(2)
    await expect(machine.online).rejects.toThrow(/CPU 2: its thread ended with code [01]/)
    expect(await machine.stopped).toMatchObject({ reason: 'worker-lost', cpu: 2 })
  })

  test('a CPU that does not answer is terminated', async () => {
    const machine = start('deaf', { graceMs: 200 })
    await machine.online
    const outcome = await machine.stop()
    expect(outcome).toMatchObject({ reason: 'worker-lost', message: 'CPU 0: did not stop within 200 ms' })
    expect(outcome.states[1]).toBe('online')
  })

  test('CPUs that wait for each other when they are asked to stop are unwound', async () => {
    const machine = start('stuckAtStop', { graceMs: 1000 })
    await machine.online
    const outcome = await machine.stop()
    expect(outcome.reason).toBe('worker-lost')
    expect(outcome.states).toEqual(['unwound', 'unwound', 'unwound'])
  })

  test('a worker that is out of memory is lost, and the machine is down', async () => {
    const machine = start('hungry', { resourceLimits: { maxOldGenerationSizeMb: 24 } })
    const outcome = await machine.stopped
    expect(outcome).toMatchObject({ reason: 'worker-lost', cpu: 1 })
    expect(outcome.message).toContain('memory limit')
  })

  test('an entry that cannot be loaded, or lacks the main function, or throws at boot', async () => {
    const missing = start('idles', { entry: new URL('./nowhere.mjs', import.meta.url) })
    await expect(missing.online).rejects.toThrow('nowhere.mjs')
    expect((await missing.stopped).reason).toBe('bug')
    const nameless = start('noSuchMain')
    await expect(nameless.online).rejects.toThrow('registers no handler noSuchMain')
    const bootless = start('idles', { data: 'throw in boot' })
    await expect(bootless.online).rejects.toThrow('CPU 0: no boot today')
    expect((await bootless.stopped).states).toEqual(['failed', 'unwound', 'unwound'])
  })

  test('a start that takes too long is given up, and names who is late', async () => {
    const machine = start('idles', { data: 'loop in boot', startMs: 1000, graceMs: 100 })
    await expect(machine.online).rejects.toThrow(/not online after 1000 ms: CPU 0 \w+, CPU 1 \w+, CPU 2 \w+/)
    expect((await machine.stopped).reason).toBe('worker-lost')
  })

  test('a report that is no data is a failure, not a silence', async () => {
    const outcome = await start('returns', { data: 'report a function' }).stopped
    expect(outcome.reason).toBe('bug')
    expect(outcome.message).toContain('could not be cloned')
  })

  test('evidence that cannot be saved does not hide the failure', async () => {
    const notAFolder = fileURLToPath(import.meta.url)
    const outcome = await start('breaks', { evidence: { folder: notAFolder } }).stopped
    expect(outcome).toMatchObject({ reason: 'bug', cpu: 1, evidencePath: undefined })
    expect(outcome.message).toMatch(/this cannot be \(no evidence saved: /)
  })

  test('threads with other code than the memory was laid out for are refused, with both hashes', async () => {
    formatMemory({ cpus: 3 })
    const machine = startMachine({ cpus: 3, entry, cpuMain: 'idles', formatted: true })
    await expect(machine.online).rejects.toThrow(/layout hash [0-9a-f]{8} here, [0-9a-f]{8} in the memory/)
    expect((await machine.stopped).reason).toBe('bug')
  })
})

describe('agents', () => {
  test('an agent is no CPU, and is joined before the CPUs stop', async () => {
    const machine = start('idles')
    const agent = await machine.startAgent({ module: entry, exportName: 'device', data: 100_000 })
    const outcome = await machine.stop()
    expect(await agent.done).toEqual({ cpu: NO_CPU, stopping: true, pauses: 0 })
    expect(outcome.reason).toBe('requested')
    expect(reportsOf(outcome).map(({ agentEnded }) => agentEnded)).toEqual([1, 1, 1])
  })

  test('an agent may end before, and raise vectors', async () => {
    const machine = start('idles')
    const agent = await machine.startAgent({ module: entry, exportName: 'quickDevice' })
    expect(await agent.done).toBe('done')
    expect(reportsOf(await machine.stop()).map(({ vectors }) => vectors)).toEqual([1, 0, 0])
  })

  test('an agent that throws stops the machine', async () => {
    const machine = start('idles', { evidence: { folder } })
    const agent = await machine.startAgent({ module: entry, exportName: 'brokenDevice', name: 'disk' })
    const outcome = await machine.stopped
    expect(outcome).toMatchObject({ reason: 'bug', agent: 'disk', message: 'agent disk: the device burnt down' })
    expect(outcome.states).toEqual(['unwound', 'unwound', 'unwound'])
    expect(await agent.done).toBeUndefined()
    expect((await evidenceOf(outcome)).agent).toBe('disk')
  })

  test('an agent that does not stop is terminated, and the outcome says so', async () => {
    const machine = start('idles', { graceMs: 200 })
    await machine.startAgent({ module: entry, exportName: 'deafDevice' })
    expect(await machine.stop()).toMatchObject({
      reason: 'worker-lost', agent: 'deafDevice', message: 'agent deafDevice: did not stop within 200 ms',
    })
  })

  test('an agent with a struct that the machine does not know is refused, with both hashes', async () => {
    const machine = start('idles')
    const refused = machine.startAgent({ module: otherCode, name: 'stranger' })
    await expect(refused).rejects.toThrow(/stranger: layout hash [0-9a-f]{8} here, [0-9a-f]{8} in the memory/)
    expect((await machine.stopped).agent).toBe('stranger')
  })

  test('an agent that waits in the memory is unwound when a CPU is lost', async () => {
    const machine = start('idles')
    const agent = await machine.startAgent({ module: entry, exportName: 'waitingDevice' })
    await machine.killWorker(2)
    expect(await machine.stopped).toMatchObject({ reason: 'worker-lost', cpu: 2, agent: undefined })
    expect(await agent.done).toBeUndefined()
  })

  test('none starts on a machine that is down', async () => {
    const machine = start('returns')
    await machine.stopped
    await expect(machine.startAgent({ module: entry })).rejects.toThrow(MachineStartError)
  })
})
