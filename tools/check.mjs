// SPDX-License-Identifier: MIT
/**
 * What must hold beside the tests: a list of steps, all of them run, one line each.
 */
import { show } from './children.mjs'

const node = (...args) => [process.execPath, args]

const steps = [
  ['layers', node('tools/layers.mjs', '--check')],
  ['project references', node('tools/references.mjs', '--check')],
  ['lockfile', node('tools/lockfile.mjs')],
  ['rules and their tests', node('tools/rules.mjs', '--check')],
  ['declarations', ['tsc', ['-b', 'tsconfig.build.json']]],
  ['types', ['tsc', ['-p', 'tsconfig.json']]],
  ['lint', ['turbo', ['run', 'lint']]],
  ['packages as published', ['turbo', ['run', 'publint', 'attw', '--continue']]],
  ['unused files and dependencies', ['knip', ['--no-config-hints']]],
  ['changesets', node('tools/changesets.mjs')],
  ['models in every interleaving, and other long tests', ['turbo', ['run', 'test:models', '--continue']]],
  ['mutants of the protocol', node('apps/cli/bin/bottomhalf.mjs', 'protocol', 'mutants')],
  ['random sequences', node('tools/sequences.mjs')],
]

/** Run all steps; the exit code. */
export function check() {
  const failed = []
  for (const [name, [command, args]] of steps) {
    console.log(`check: ${name}`)
    if (show(command, args) !== 0) failed.push(name)
  }
  console.log(failed.length === 0 ? `check: ${steps.length} steps, all hold` : `check: failed: ${failed.join(', ')}`)
  return failed.length === 0 ? 0 : 1
}
