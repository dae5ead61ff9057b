// SPDX-License-Identifier: MIT
/** Which invariant of the system a violation breaks. */
import type { Violation, ViolationKind } from './program.js'

const labelled = /^([A-Z]+-?\d+)(?=[:\s])/

const invariants: Partial<Record<ViolationKind, string>> = {
  'data-race': 'I12', 'use-after-free': 'I6', 'double-free': 'I6', deadlock: 'I7', livelock: 'I8', leak: 'I11',
}

/** The label that its message begins with, or the invariant that every violation of its kind breaks. */
export function ruleOf({ kind, message }: Violation): string | undefined {
  return labelled.exec(message)?.[1] ?? invariants[kind]
}
