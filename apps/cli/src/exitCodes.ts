// SPDX-License-Identifier: MIT
/** Exit codes by class; the table in docs/CLI.md is compared with this one. */
export const ExitCode = {
  Done: 0,
  Usage: 2,
  BadInput: 3,
  Refused: 4,
  Violation: 5,
  Unfinished: 6,
  Internal: 70,
  Interrupted: 130,
  Terminated: 143,
} as const
