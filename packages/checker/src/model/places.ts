// SPDX-License-Identifier: MIT
/**
 * Where a generator stands, from the stack at its operation: the lines of our sources, if source maps are on
 * (`--enable-source-maps`), else those of the builds.
 */
import { fileURLToPath } from 'node:url'
import type { CodePlace } from '../program.js'

const FRAMES = 40

/** The present stack, as text. */
export function stackHere(): string {
  const limit = Error.stackTraceLimit
  Error.stackTraceLimit = FRAMES
  const { stack = '' } = new Error('here')
  Error.stackTraceLimit = limit
  return stack
}

/** The lines of the model and what it calls: between the machine, innermost, and the checker, which drives it. */
export function placesOf(stack: string): CodePlace[] {
  const frames = stack.split('\n').flatMap(frameOf)
  const first = frames.findIndex(({ file }) => !isEngine(file))
  const last = frames.findIndex(({ file }, i) => i > first && isEngine(file))
  return first < 0 ? [] : frames.slice(first, last < 0 ? undefined : last)
}

function isEngine(file: string): boolean {
  return /[\\/](machine|checker)[\\/](src|dist|dist-stepped)[\\/]/.test(file)
}

function frameOf(line: string): CodePlace[] {
  const match = /^\s+at (?:(.*) \()?((?:file:\/\/)?[^()]+):(\d+):\d+\)?$/.exec(line)
  if (match === null) return []
  const [, where = '', file = '', number = '0'] = match
  if (file.startsWith('node:')) return []
  return [{ file: file.startsWith('file://') ? fileURLToPath(file) : file, line: Number(number), where: nameOf(where) }]
}

/** `Object.take [as next]` and the like: the function alone. */
function nameOf(where: string): string {
  return where.replace(/^(?:Object|Module|Generator)\./, '').replace(/\.next$| \[as .*\]$/g, '')
}
