// SPDX-License-Identifier: MIT
/** What a build of somebody's file did not take, as bad input with its place. */
import { relative, resolve } from 'node:path'
import { InputError } from '@bottomhalf/base'

interface BuildMessage {
  readonly text: string
  readonly location: { readonly file: string, readonly line: number, readonly column: number } | null
}

/** The first message of esbuild's `BuildFailure`; undefined for another error. `base`: what its files are relative to. */
export function buildRefusal(
  file: string, error: unknown, expected: string, base = process.cwd(),
): InputError | undefined {
  const first = (error as { errors?: readonly BuildMessage[] }).errors?.[0]
  if (first === undefined) return undefined
  const { text, location } = first
  const place = location === null
    ? { file, line: 0, column: 0 }
    : { file: relative(process.cwd(), resolve(base, location.file)), line: location.line, column: location.column + 1 }
  return new InputError(place, text, expected)
}
