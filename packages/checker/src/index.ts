// SPDX-License-Identifier: MIT
/**
 * @bottomhalf/checker: the engine that runs a small model through every interleaving.
 *
 * `runProgram` counts a program of the text form, `explore` checks a model of real packages, `checkProgram` is what both
 * stand on; a violation comes with a schedule, which `replay` runs again and `minimise` makes small.
 */
export { checkProgram } from './check.js'
export type { CheckOptions, CheckResult } from './check.js'
export { CheckpointError, formatCheckpoint, parseCheckpoint } from './checkpoint.js'
export type { Checkpoint } from './checkpoint.js'
export { waitSignature } from './ends.js'
export { Executor } from './executor.js'
export type { AtRest, End, EndJudge } from './judge.js'
export type { Followed } from './follow.js'
export { explore, followModel, programOf, replayModel } from './model/explore.js'
export type { Exploration, ExploreOptions } from './model/explore.js'
export { defineModel, DEVICE } from './model/model.js'
export type { ModelDefinition, ModelInterrupt, ModelThread } from './model/model.js'
export type { ModelProgram } from './model/program.js'
export { describeStep, lanes } from './lanes.js'
export type { LanesOptions } from './lanes.js'
export { compile } from './litmus/compile.js'
export type { CompileOptions, LitmusProgram } from './litmus/compile.js'
export { LitmusError, parsePrograms } from './litmus/parse.js'
export type { ProgramText } from './litmus/syntax.js'
export { checkerMatchers } from './matchers.js'
export type { Matched } from './matchers.js'
export { minimise } from './minimise.js'
export type { Minimised, MinimiseOptions } from './minimise.js'
export type { ClassicModel, Parameter, Values } from './models/classic.js'
export { didYouMean } from './models/nearest.js'
export { ModelError, modelNamed, models, modelText, valuesOf } from './models/registry.js'
export { activeHandlers, returnsAt } from './nesting.js'
export { Op, opName } from './op.js'
export type { OrderName } from './order.js'
export type {
  CodePlace, ContextHost, ContextInfo, Contexts, MemoryMap, Mode, Prepared, Program, TaggedBlock, Violation,
  ViolationKind, WordPlace,
} from './program.js'
export type { Progress } from './progress.js'
export { replay, ReplayError } from './replay.js'
export type { Replay, ReplayOptions } from './replay.js'
export { loadProgram, runProgram, UnknownProgramError } from './runProgram.js'
export type { ProgramMode, RunOptions } from './runProgram.js'
export { ruleOf } from './rule.js'
export { formatSchedule, labelsOf, parseSchedule, ScheduleError, scheduleOf } from './schedule.js'
export type { Schedule } from './schedule.js'
export { Session } from './session.js'
export type { SessionOptions } from './session.js'
export { strategyNames } from './strategies/create.js'
export type { StrategyName } from './strategies/create.js'
