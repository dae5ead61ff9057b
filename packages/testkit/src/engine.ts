// SPDX-License-Identifier: MIT
/**
 * A small deterministic engine for the stepped build: one thread, CPUs as generators, one operation at a time.
 *
 *     const machine = lockstep({ cpus: 2 })
 *     machine.call(0, () => setupThings())                 // alone, to its end
 *     machine.spawn(0, () => worker(1))                    // the base context of CPU 0
 *     machine.spawn(1, () => worker(2))
 *     const outcome = machine.run(random(7))               // until all are done, asleep, or nobody can go on
 *
 * Functions of the stepped build are generators though their types do not say so: `spawn` and `call` take a function that
 * returns what such a function returned.
 *
 * L1  Every scheduling decision is one number in the schedule; the same schedule makes the same run.
 * L2  A context that cannot go on offers no choice: nothing offered and somebody waiting is a hang, never a spin.
 * L3  The memory after an operation is what `perform` of the machine left: the engine writes IF and vectors only.
 */
import { Cpu, Header, LOCAL_TIMER_VECTOR, NO_CPU, Stop, cpuArea, formatMemory, setInterruptEntry } from '@bottomhalf/machine'
import type { AwaitTest, HandlerRef } from '@bottomhalf/machine'
import {
  Op, awaitSatisfied, enterInterrupt, leaveInterrupt, memoryWords, perform, requestedVector, setEngine, stepTime,
} from '@bottomhalf/machine/engine'
import { newCounts, readCounts } from './counts.js'
import type { OperationCounts } from './counts.js'
import { choiceOf, entersInterrupt, laneOf } from './schedule.js'
import type { Choice, Scheduler } from './schedule.js'
import { describeWait } from './waiting.js'
import { restoreWords, snapshotWords } from './snapshot.js'
import type { WordsSnapshot } from './snapshot.js'

/**
 * When a CPU with IF = 1 takes a requested vector: at once; at any step, as the schedule says; or only where native
 * CPUs poll (IF turns on, cpuRelax, waits, halt, a vector raised on oneself).
 */
export type InterruptPolicy = 'immediate' | 'free' | 'polled'

export interface LockstepOptions {
  readonly cpus: number
  /** Debug checks of heap and locks. Default: on. */
  readonly debug?: boolean
  /** Default: 'immediate'. */
  readonly interrupts?: InterruptPolicy
  /** What handles vectors, if the code under test does not set it itself. */
  readonly interruptEntry?: HandlerRef
  /** Let every CPU start with IF = 1. Default: off, as after boot. */
  readonly irqsOn?: boolean
  /** Virtual time that one step takes. Default: 0; time then moves only when all sleep and a deadline is set. */
  readonly nsPerStep?: number
  /** Keep `log`. Default: off. */
  readonly log?: boolean
}

/** One performed operation. */
export interface LogEntry {
  readonly lane: number
  readonly cpu: number
  readonly op: Op
  readonly a: number
  readonly b: number
  readonly c: number
  readonly value: number
}

/** A context that cannot go on, and what it waits for. */
export interface Waiting {
  readonly lane: number
  readonly cpu: number
  readonly name: string
  readonly what: string
}

/**
 * How a run ended. finished: all contexts returned. idle: the rest sleep, nothing requested. hang: somebody waits and nobody
 * can end it. bug: a context threw. limit: more steps than allowed.
 */
export interface Outcome {
  readonly verdict: 'finished' | 'idle' | 'hang' | 'bug' | 'limit'
  readonly steps: number
  readonly schedule: readonly Choice[]
  readonly waiting: readonly Waiting[]
  readonly error: Error | undefined
}

/** A spawned context. `value` is what it returned, once it is done. */
export interface Task {
  readonly lane: number
  readonly cpu: number
  readonly name: string
  done: boolean
  value: unknown
}

export interface RunOptions {
  /** Default: 1 000 000. */
  readonly maxSteps?: number
  /** Perform plain accesses without asking the scheduler: sound where plain data is free of races. Default: off. */
  readonly plainIsQuiet?: boolean
}

/** A frozen state of the memory and of virtual time; contexts are not part of it. */
export interface Snapshot { readonly words: WordsSnapshot, readonly nowNs: number }

export interface Lockstep {
  /** Start the base context of a CPU, or (`NO_CPU`) one more device. Runs to its first operation. */
  spawn(cpu: number, fn: () => unknown, name?: string): Task
  /** Let the scheduler lead all contexts to rest. */
  run(scheduler: Scheduler, options?: RunOptions): Outcome
  /** Run one function alone on a CPU (or `NO_CPU`) and return its result. Throws if it hangs or breaks. */
  call<T>(cpu: number, fn: () => T): T
  /** What is possible now. Each is one step. */
  choices(): readonly Choice[]
  /** Take one choice. */
  step(choice: Choice): void
  /** How things stand, without going on. */
  state(): Outcome
  /** Operations performed since `resetCounts`, by name, only those that occurred. */
  counts(): OperationCounts
  /** Counts to 0, log empty. */
  resetCounts(): void
  /** `call`, and the operations that it performed. */
  countsOf(cpu: number, fn: () => unknown): OperationCounts
  /** The words of the shared memory. */
  readonly memory: Int32Array
  readonly log: readonly LogEntry[]
  nowNs(): number
  snapshot(): Snapshot
  /** Put memory and time back; all contexts are dropped. */
  restore(snapshot: Snapshot): void
}

type StepGenerator = Generator<unknown, unknown, number>

interface Frame {
  readonly generator: StepGenerator
  op: Op
  a: number
  b: number
  c: number
  time: number
  /** Halt was performed: IF is on, an interrupt must come. */
  halted: boolean
  woken: boolean
}

interface Lane {
  readonly task: Task
  readonly cpu: number
  /** Base first, interrupts above. */
  readonly frames: Frame[]
  /** Policy 'polled': the CPU stands where a native one looks for vectors. */
  polls: boolean
  /** After cpuRelax: it waits for somebody else to make a step, if anybody can. */
  yielded: boolean
}

interface EngineState {
  readonly options: Required<Pick<LockstepOptions, 'cpus' | 'interrupts' | 'nsPerStep' | 'log'>>
  lanes: Lane[]
  running: Lane | undefined
  // the operation that the running context just asked for
  op: Op
  a: number
  b: number
  c: number
  time: number
  now: number
  steps: number
  schedule: Choice[]
  error: Error | undefined
  readonly counts: Int32Array
  readonly log: LogEntry[]
}

const f64 = new Float64Array(memoryWords.buffer)
const PLAIN: ReadonlySet<Op> = new Set<Op>([Op.Ld, Op.St, Op.LdTime, Op.StTime])

/** Format the memory and drive it. The last engine made is the one that drives. */
export function lockstep(options: LockstepOptions): Lockstep {
  const s = newState(options)
  setEngine({
    begin: (op, a, b, c) => {
      s.op = op; s.a = a; s.b = b; s.c = c
      s.time = op === Op.StTime || op === Op.SetDeadline ? stepTime() : 0
      return true
    },
    currentCpu: () => s.running?.cpu ?? NO_CPU,
    nowNs: () => s.now,
  })
  formatMemory({ cpus: options.cpus, debug: options.debug ?? true })
  if (options.interruptEntry !== undefined) setInterruptEntry(options.interruptEntry)
  if (options.irqsOn === true) turnOnIrqs(options.cpus)
  return frontOf(s)
}

function turnOnIrqs(cpus: number): void {
  for (let cpu = 0; cpu < cpus; cpu++) memoryWords[machineWords(cpu) + Cpu.irqEnabled] = 1
}

function newState(options: LockstepOptions): EngineState {
  const { cpus, interrupts = 'immediate', nsPerStep = 0, log = false } = options
  return {
    options: { cpus, interrupts, nsPerStep, log },
    lanes: [], running: undefined, op: Op.Ld, a: 0, b: 0, c: 0, time: 0,
    now: 0, steps: 0, schedule: [], error: undefined, counts: newCounts(), log: [],
  }
}

function frontOf(s: EngineState): Lockstep {
  const front: Lockstep = {
    spawn: (cpu, fn, name) => spawn(s, cpu, fn, name).task,
    run: (scheduler, options) => run(s, scheduler, options),
    call: (cpu, fn) => callAlone(s, cpu, fn),
    choices: () => choices(s),
    step: (choice) => { step(s, choice) },
    state: () => outcomeOf(s, choices(s).length > 0),
    counts: () => readCounts(s.counts),
    resetCounts: () => {
      s.counts.fill(0)
      s.log.length = 0
    },
    countsOf: (cpu, fn) => {
      const before = s.counts.slice()
      callAlone(s, cpu, fn)
      return readCounts(s.counts, before)
    },
    memory: memoryWords,
    log: s.log,
    nowNs: () => s.now,
    snapshot: () => ({ words: snapshotWords(memoryWords), nowNs: s.now }),
    restore: (snapshot) => {
      restoreWords(memoryWords, snapshot.words)
      Object.assign(s, { now: snapshot.nowNs, lanes: [], steps: 0, schedule: [], error: undefined })
    },
  }
  return front
}

// ---- contexts

function spawn(s: EngineState, cpu: number, fn: () => unknown, name = cpu === NO_CPU ? 'device' : 'base'): Lane {
  const slot = cpu === NO_CPU ? freeDeviceLane(s) : cpu
  if (cpu !== NO_CPU && (cpu < 0 || cpu >= s.options.cpus)) throw new RangeError(`no CPU ${cpu}`)
  const occupant = s.lanes[slot]
  if (occupant !== undefined && occupant.frames.length > 0) throw new Error(`CPU ${cpu} still runs ${occupant.task.name}`)
  const task: Task = { lane: slot, cpu, name, done: false, value: undefined }
  const lane: Lane = { task, cpu, frames: [], polls: false, yielded: false }
  s.lanes[slot] = lane
  // a sparse array would hide CPUs without a context, which still take interrupts
  for (let i = 0; i < s.options.cpus; i++) s.lanes[i] ??= emptyLane(i)
  push(s, lane, fn)
  return lane
}

function freeDeviceLane(s: EngineState): number {
  for (let i = s.options.cpus; ; i++) {
    const lane = s.lanes[i]
    if (lane === undefined || lane.frames.length === 0) return i
  }
}

function emptyLane(cpu: number): Lane {
  const task: Task = { lane: cpu, cpu, name: 'nothing', done: true, value: undefined }
  return { task, cpu, frames: [], polls: false, yielded: false }
}

/** Start a context on top of a lane's stack and run it to its first operation. */
function push(s: EngineState, lane: Lane, start: () => unknown): void {
  guarded(s, lane, () => {
    const generator = start()
    if (!isGenerator(generator)) { finish(lane, generator); return }
    lane.frames.push({ generator, op: Op.Ld, a: 0, b: 0, c: 0, time: 0, halted: false, woken: false })
    advance(s, lane, 0)
  })
}

/** Resume the topmost context with the value of its operation; it stops before its next one, or ends. */
function resume(s: EngineState, lane: Lane, value: number): void {
  guarded(s, lane, () => { advance(s, lane, value) })
}

function advance(s: EngineState, lane: Lane, value: number): void {
  const frame = top(lane)
  const next = frame.generator.next(value)
  if (next.done === true) {
    lane.frames.pop()
    finish(lane, next.value)
  } else {
    frame.op = s.op
    frame.a = s.a
    frame.b = s.b
    frame.c = s.c
    frame.time = s.time
  }
}

function finish(lane: Lane, value: unknown): void {
  const below = lane.frames.at(-1)
  if (lane.cpu !== NO_CPU && (memoryWords[machineWords(lane.cpu) + Cpu.irqNesting] ?? 0) > 0) {
    leaveInterrupt(lane.cpu)
    lane.polls = true
    if (below?.halted === true) below.woken = true
  } else if (below === undefined) {
    lane.task.done = true
    lane.task.value = value
  }
}

function guarded(s: EngineState, lane: Lane, action: () => void): void {
  const outer = s.running
  s.running = lane
  try { action() } catch (error) {
    s.error ??= error instanceof Error ? error : new Error(String(error))
  } finally { s.running = outer }
}

function isGenerator(value: unknown): value is StepGenerator {
  return typeof value === 'object' && value !== null && Symbol.iterator in value && 'next' in value
}

function top(lane: Lane): Frame {
  const frame = lane.frames.at(-1)
  if (frame === undefined) throw new Error(`CPU ${lane.cpu} has no context`)
  return frame
}

function machineWords(cpu: number): number {
  return cpuArea(cpu, AREA_START)
}

const AREA_START = { base: 0 }

// ---- choices

function choices(s: EngineState): Choice[] {
  if (s.error !== undefined) return []
  raiseDueDeadlines(s)
  let offered = offers(s)
  while (offered.length === 0 && skipToDeadline(s)) offered = offers(s)
  return offered
}

function offers(s: EngineState): Choice[] {
  const all: Choice[] = []
  const yielded: Choice[] = []
  for (const lane of s.lanes) {
    const go = lane.frames.length > 0 && canGo(top(lane))
    const enter = canEnter(lane) && (s.options.interrupts !== 'polled' || looksForVectors(lane, go))
    if (enter) all.push(choiceOf(lane.task.lane, true))
    // only under 'free' may the context go on although an interrupt could be entered
    if (go && !(enter && s.options.interrupts !== 'free')) {
      (lane.yielded ? yielded : all).push(choiceOf(lane.task.lane, false))
    }
  }
  return all.length > 0 ? all : yielded
}

function canGo(frame: Frame): boolean {
  if (frame.halted) return frame.woken || memoryWords[Header.stop] !== Stop.Running
  return frame.op !== Op.AwaitWord || awaitSatisfied(memoryWords[frame.a] ?? 0, frame.b as AwaitTest, frame.c)
}

function canEnter(lane: Lane): boolean {
  if (lane.cpu === NO_CPU) return false
  const at = machineWords(lane.cpu)
  return memoryWords[at + Cpu.vectorSummary] !== 0 && memoryWords[at + Cpu.irqEnabled] !== 0
}

function looksForVectors(lane: Lane, go: boolean): boolean {
  return lane.polls || (lane.frames.length > 0 && (!go || top(lane).halted))
}

function raiseDueDeadlines(s: EngineState): void {
  for (let cpu = 0; cpu < s.options.cpus; cpu++) {
    const at = (machineWords(cpu) + Cpu.deadline) >> 1
    const deadline = f64[at] ?? 0
    if (deadline === 0 || deadline > s.now) continue
    f64[at] = 0
    perform(Op.RaiseVector, cpu, LOCAL_TIMER_VECTOR, 0)
  }
}

/** Nobody can go on: let time pass until the next deadline. False if there is none. */
function skipToDeadline(s: EngineState): boolean {
  const pending = Array.from({ length: s.options.cpus }, (_, cpu) => f64[(machineWords(cpu) + Cpu.deadline) >> 1] ?? 0)
    .filter((deadline) => deadline !== 0)
  if (pending.length === 0) return false
  s.now = Math.max(s.now, Math.min(...pending))
  raiseDueDeadlines(s)
  return true
}

// ---- steps

function step(s: EngineState, choice: Choice): void {
  const lane = s.lanes[laneOf(choice)]
  if (lane === undefined) throw new Error(`no lane ${laneOf(choice)}`)
  s.steps++
  s.now += s.options.nsPerStep
  s.schedule.push(choice)
  for (const other of s.lanes) if (other !== lane) other.yielded = false
  lane.yielded = false
  if (entersInterrupt(choice)) {
    push(s, lane, () => enterInterrupt(lane.cpu, requestedVector(lane.cpu)))
  } else {
    goOn(s, lane)
  }
}

function goOn(s: EngineState, lane: Lane): void {
  const frame = top(lane)
  lane.polls = false
  if (frame.halted) {
    frame.halted = false
    frame.woken = false
    resume(s, lane, 0)
    return
  }
  const { op, a, b, c } = frame
  let value = 0
  guarded(s, lane, () => { value = perform(op, a, b, c, frame.time) })
  if (s.error !== undefined) return
  note(s, lane, frame, value)
  lane.polls = pollsAfter(lane, op, a)
  lane.yielded = op === Op.CpuRelax
  if (op === Op.Halt) halt(lane, frame)
  else resume(s, lane, value)
}

/** M3: interrupts on and asleep in one step; the context goes on when one was taken. */
function halt(lane: Lane, frame: Frame): void {
  memoryWords[machineWords(lane.cpu) + Cpu.irqEnabled] = 1
  frame.halted = true
  frame.woken = false
}

function pollsAfter(lane: Lane, op: Op, a: number): boolean {
  return op === Op.IrqEnable || op === Op.CpuRelax || op === Op.Halt ||
    (op === Op.IrqRestore && a !== 0) || (op === Op.RaiseVector && a === lane.cpu)
}

function note(s: EngineState, lane: Lane, { op, a, b, c }: Frame, value: number): void {
  s.counts[op] = (s.counts[op] ?? 0) + 1
  if (s.options.log) s.log.push({ lane: lane.task.lane, cpu: lane.cpu, op, a, b, c, value })
}

// ---- runs

function run(s: EngineState, scheduler: Scheduler, options: RunOptions = {}): Outcome {
  const { maxSteps = 1_000_000, plainIsQuiet = false } = options
  const end = s.steps + maxSteps
  let current = -1
  for (;;) {
    const offered = choices(s)
    if (offered.length === 0 || s.steps >= end) return outcomeOf(s, offered.length > 0)
    const quiet = plainIsQuiet ? quietChoice(s, offered) : undefined
    const choice = quiet ?? scheduler.next(offered, current)
    if (quiet === undefined) current = laneOf(choice)
    step(s, choice)
  }
}

/** A plain access that can be performed without anybody noticing, if data is free of races. */
function quietChoice(s: EngineState, offered: readonly Choice[]): Choice | undefined {
  return offered.find((choice) => {
    const lane = s.lanes[laneOf(choice)]
    return lane !== undefined && !entersInterrupt(choice) && !top(lane).halted && PLAIN.has(top(lane).op) &&
      !offered.includes(choiceOf(lane.task.lane, true))
  })
}

function callAlone<T>(s: EngineState, cpu: number, fn: () => T): T {
  const { schedule, steps } = s
  s.schedule = []
  const lane = spawn(s, cpu, fn, 'call')
  const mine = (choice: Choice): boolean => laneOf(choice) === lane.task.lane
  for (let n = 0; !lane.task.done; n++) {
    const next = choices(s).find(mine)
    if (next === undefined || n > 1_000_000) throw callFailed(s, lane, n)
    step(s, next)
  }
  if (s.error !== undefined) throw callFailed(s, lane, 0)
  Object.assign(s, { schedule, steps })
  return lane.task.value as T
}

/** Why a call did not end; its context is dropped, so that a test can go on. */
function callFailed(s: EngineState, lane: Lane, steps: number): Error {
  const what = waitingOf(s).find((w) => w.lane === lane.task.lane)?.what ?? 'nothing'
  const error = s.error ?? new Error(steps > 1_000_000 ? 'call: no end' : `call: CPU ${lane.cpu} waits for ${what}`)
  lane.frames.length = 0
  s.error = undefined
  return error
}

function outcomeOf(s: EngineState, goesOn: boolean): Outcome {
  const waiting = waitingOf(s)
  return { verdict: verdictOf(s, goesOn), steps: s.steps, schedule: [...s.schedule], waiting, error: s.error }
}

function verdictOf(s: EngineState, goesOn: boolean): Outcome['verdict'] {
  if (s.error !== undefined) return 'bug'
  if (goesOn) return 'limit'
  const left = s.lanes.filter((lane) => lane.frames.length > 0)
  if (left.length === 0) return 'finished'
  return left.every((lane) => top(lane).halted) ? 'idle' : 'hang'
}

function waitingOf(s: EngineState): Waiting[] {
  return s.lanes.filter((lane) => lane.frames.length > 0).map((lane) => {
    const { op, a, b, c, halted } = top(lane)
    const what = halted ? 'an interrupt (halted)' : describeWait(memoryWords, op, a, b, c)
    return { lane: lane.task.lane, cpu: lane.cpu, name: lane.task.name, what }
  })
}
