// SPDX-License-Identifier: MIT
/** `bottomhalf run`: a scenario on real threads, once or once per form of deferral, and the table of what became of it. */
import { isClean, runScenario, type Defer, type RunOptions, type RunReport } from '@bottomhalf/host'
import { recordingKey, type Scenario } from '@bottomhalf/scenario'
import { Option, type Command } from 'commander'
import { ExitCode } from './exitCodes.js'
import { UsageError } from './failure.js'
import { defaultScenario, readRecording, readRecordings, readScenario, type Recordings } from './input.js'
import { progressTo } from './progress.js'
import { StopRequest } from './signals.js'
import { runTable } from './table.js'
import { durationNs, fault, wholeNumber } from './values.js'

interface Flags {
  defer: Defer | 'both'
  taskletLock: 'global' | 'per-cpu'
  lock: 'tas' | 'ticket'
  cpus?: number
  duration?: number
  arrivals?: string
  irq?: string
  seed?: number
  debug: boolean
  fault?: { cpu: number, atNs: number }
  evidence: string
  json: boolean
}

interface Prepared { scenario: Scenario, recordings: Recordings }

const DEFAULT_DURATION_NS = 5e9

/** Add `run` to the program. `done` gets the exit code. */
export function addRun(program: Command, done: (code: number) => void): void {
  program.command('run')
    .summary('run a scenario on real threads')
    .description('Run a scenario on real worker threads, a thread per pCPU, and print what became of every interrupt.\n' +
      'Without SCENARIO: 4 pCPUs, two guests with busy MSI devices, two idle guests that a timer tick wakes.')
    .argument('[SCENARIO.yaml]', 'what to run', defaultScenario)
    .addOption(new Option('--defer <how>', 'how interrupts are deferred').choices(['softirq', 'tasklet', 'both']).default('both'))
    .addOption(new Option('--tasklet-lock <scope>', 'guard of the tasklet lists').choices(['global', 'per-cpu']).default('global'))
    .addOption(new Option('--lock <kind>', 'kind of spinlocks').choices(['tas', 'ticket']).default('tas'))
    .option('--cpus <n>', 'pCPUs, 1 to 64; guests pinned beyond the last move to cpu mod n', wholeNumber(1, 64))
    .option('--duration <time>', 'length of each run: seconds, or like 500ms, 2m (default: the scenario\'s, else 5s)', durationNs)
    .option('--arrivals <file>', 'an ftrace text whose interrupts the devices raise instead')
    .option('--irq <line>', 'which line of --arrivals: its number or its name (default: all)')
    .option('--seed <n>', 'seed of random arrivals', wholeNumber(0, 0xffffffff))
    .option('--debug', 'check lock order, holders and heap while running (slower)', false)
    .option('--fault <what>', 'hurt the run on purpose: kill-cpu=N or kill-cpu=N@TIME', fault)
    .option('--evidence <dir>', 'where evidence goes when a run dies', 'bottomhalf-evidence')
    .option('--json', 'print one JSON object', false)
    .action(async (file: string, flags: Flags) => { done(await run(file, flags)) })
}

async function run(file: string, flags: Flags): Promise<number> {
  const prepared = prepare(file, flags)
  const stop = new StopRequest()
  const progress = progressTo(process.stderr)
  if (flags.lock === 'ticket') progress.note('ticket locks collapse where threads outnumber cores: expect long waits')
  const runs: RunReport[] = []
  const forms: Defer[] = flags.defer === 'both' ? ['softirq', 'tasklet'] : [flags.defer]
  try {
    for (const defer of forms) {
      if (stop.requested !== undefined) break
      const report = await runScenario(optionsOf(prepared, flags, defer), progress.show, stop.signal)
      if (report !== undefined) runs.push(report)
    }
  } finally {
    progress.end()
    stop.release()
  }
  process.stdout.write(flags.json ? `${JSON.stringify(summary(prepared.scenario, flags, runs, stop))}\n` : `${runTable(runs)}\n`)
  if (!runs.every(isClean)) return ExitCode.Violation
  return stop.exitCode ?? ExitCode.Done
}

/** The scenario as the flags change it, and every recording that it needs. */
function prepare(file: string, flags: Flags): Prepared {
  if (flags.irq !== undefined && flags.arrivals === undefined) throw new UsageError('--irq needs --arrivals')
  const read = readScenario(file)
  const cpus = flags.cpus ?? read.cpus
  if (flags.fault !== undefined && flags.fault.cpu >= cpus) {
    throw new UsageError(`--fault kill-cpu=${flags.fault.cpu}: expected a pCPU from 0 to ${cpus - 1}`)
  }
  const guests = read.guests.map((guest) => ({ ...guest, cpu: guest.cpu % cpus }))
  const scenario = { ...read, cpus, seed: flags.seed ?? read.seed, guests }
  if (flags.arrivals === undefined) return { scenario, recordings: readRecordings(scenario, file) }
  return replayed(scenario, flags.arrivals, flags.irq)
}

/** Let the devices that replay a trace (or the first device of all) replay `file`. */
function replayed(scenario: Scenario, file: string, line: string | undefined): Prepared {
  const number = line !== undefined && /^\d+$/.test(line)
  const filter = line === undefined ? {} : number ? { irq: Number(line) } : { name: line }
  const trace = { file, speed: 1, repeat: true, ...filter }
  const devices = scenario.guests.flatMap((guest) => guest.devices)
  const replaying = devices.filter((device) => 'trace' in device.arrivals)
  const changed = replaying.length > 0 ? replaying : devices.slice(0, 1)
  if (changed.length === 0) throw new UsageError('--arrivals: the scenario has no device')
  const guests = scenario.guests.map((guest) => ({
    ...guest,
    devices: guest.devices.map((device) => (changed.includes(device) ? { ...device, arrivals: { trace } } : device)),
  }))
  return { scenario: { ...scenario, guests }, recordings: { [recordingKey(trace)]: readRecording(file, filter) } }
}

function durationOf(scenario: Scenario, flags: Flags): number {
  return flags.duration ?? scenario.duration ?? DEFAULT_DURATION_NS
}

function optionsOf({ scenario, recordings }: Prepared, flags: Flags, defer: Defer): RunOptions {
  const { taskletLock, lock, debug, evidence, fault: killCpu } = flags
  const { seed } = scenario
  const durationNs = durationOf(scenario, flags)
  return { scenario, recordings, defer, taskletLock, lock, debug, evidence, durationNs, seed, killCpu }
}

function summary(scenario: Scenario, flags: Flags, runs: readonly RunReport[], stop: StopRequest): object {
  return {
    engine: 'threads',
    scenario: scenario.name,
    node: process.version,
    cpus: scenario.cpus,
    seconds: durationOf(scenario, flags) / 1e9,
    seed: scenario.seed,
    ended: stop.requested ?? 'done',
    runs,
  }
}
