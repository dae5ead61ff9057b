// SPDX-License-Identifier: MIT
/**
 * Child processes of the set-up: quiet while all goes well, with the whole log when it does not.
 */
import { spawnSync } from 'node:child_process'
import { delimiter, join } from 'node:path'
import { root } from './layers.mjs'

const windows = process.platform === 'win32'

/** The environment of every child: the pinned tools first on PATH, no telemetry, no questions. */
export function childEnv(extra = {}) {
  const env = { ...process.env, ...extra }
  const pathKey = Object.keys(env).find((key) => key.toUpperCase() === 'PATH') ?? 'PATH'   // Windows may spell it Path
  env[pathKey] = [join(root, 'node_modules', '.bin'), env[pathKey]].filter(Boolean).join(delimiter)
  env.TURBO_TELEMETRY_DISABLED = '1'   // it looks up a host otherwise
  env.TURBO_NO_UPDATE_NOTIFIER = '1'
  env.DO_NOT_TRACK = '1'
  env.NODE_RUNTIME_VERSION = process.version   // a part of turbo's hash: results of one Node are not those of another
  return env
}

function spawn(command, args, options) {
  const shell = windows && command !== process.execPath   // .cmd shims
  const result = spawnSync(command, args, { cwd: root, shell, maxBuffer: 1 << 28, ...options })
  if (result.error !== undefined && result.status === null && result.signal === null) throw result.error
  return result
}

/** A child that did not end with 0 ends this process the same way: its exit code, or 128 + n of its signal. */
function endLike(result) {
  if (result.status === 0) return
  const signals = { SIGHUP: 1, SIGINT: 2, SIGQUIT: 3, SIGKILL: 9, SIGTERM: 15 }
  process.exit(result.status ?? 128 + (signals[result.signal] ?? 0))
}

/** Run with this process's own output; the exit code. */
export function show(command, args, extraEnv) {
  const result = spawn(command, args, { stdio: 'inherit', env: childEnv(extraEnv) })
  return result.status ?? 1
}

/** Run silently; on failure print everything it said and end like it. */
export function quietly(command, args, extraEnv) {
  const result = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'], env: childEnv(extraEnv) })
  if (result.status === 0) return
  process.stderr.write(result.stdout)
  process.stderr.write(result.stderr)
  console.error(`bottomhalf: failed: ${[command, ...args].join(' ')}`)
  endLike(result)
}
