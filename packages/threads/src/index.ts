// SPDX-License-Identifier: MIT
/** @bottomhalf/threads: the engine that runs a machine on real worker threads, one per CPU. */
export { startMachine } from './machine.js'
export { MachineStartError } from './types.js'
export type { Agent, AgentContext, AgentOptions, MachineEntry, MachineOptions, Outcome, RunningMachine } from './types.js'
export { EVIDENCE_VERSION } from './evidence.js'
export type { Evidence, EvidenceOptions } from './evidence.js'
