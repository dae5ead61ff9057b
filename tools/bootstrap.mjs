// SPDX-License-Identifier: MIT
/**
 * The commands of package.json: each does what set-up is still missing, then its work. Needs Node and npm only.
 *
 *     start        build the command, run its default scenario       bottomhalf   the same, with arguments
 *     test         build everything, run every test                  check        everything else that must hold
 *     bench        build everything, run the benchmarks              fix          lint with --fix
 *     setup        install and build everything
 *
 * Standard output belongs to the command that runs: set-up speaks on standard error, a line per step that has work.
 */
import { existsSync, readFileSync, rmSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { check } from './check.mjs'
import { quietly, show } from './children.mjs'
import { folderOf, presentNames, root } from './layers.mjs'
import { reportFiles } from './reports.mjs'
import { installFingerprint, once, sourceFingerprint } from './stamps.mjs'

const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
const turbo = (args) => show('turbo', ['run', ...args])

function requireNode() {
  const [major, minor] = process.versions.node.split('.').map(Number)
  if (major > 20 || (major === 20 && minor >= 19)) return
  console.error(`bottomhalf: Node ${manifest.engines.node} is needed, this is ${process.version}`)
  process.exit(1)
}

function install() {
  const modules = 'node_modules/.modules.yaml'
  once('installed', installFingerprint(), [modules, command], () => {
    const first = existsSync(join(root, modules)) ? 'manifests changed' : 'first run'
    console.error(`bottomhalf: installing (${first})...`)
    const pnpm = ['--yes', manifest.packageManager, 'install', '--frozen-lockfile', '--prefer-offline']
    quietly('npx', pnpm, { CI: 'true' })   // CI: pnpm may replace a stale node_modules without asking
    linkCommand()
  })
}

const command = 'node_modules/.bin/bottomhalf'

// For `npx bottomhalf` in the checkout. A dependency of the workspace itself would do it too, but turbo counts what those
// contain, and all they stand on, as a part of everything: each change would build everything anew.
function linkCommand() {
  rmSync(join(root, command), { force: true })
  symlinkSync('../../apps/cli/bin/bottomhalf.mjs', join(root, command))
}

const entryOf = (name) => `${folderOf(name)}/dist/${name === 'cli' ? 'main' : 'index'}.js`

/** Native builds of the command and what it stands on. */
function buildCommand() {
  once('command', sourceFingerprint(), [entryOf('cli'), entryOf('host')], () => {
    console.error('bottomhalf: building...')
    quietly('turbo', ['run', 'build', '--filter=@bottomhalf/cli...'])
  })
}

/** The commands that search run the stepped builds too. */
function buildFor([command]) {
  if (!['check', 'replay', 'history', 'protocol', 'export'].includes(command)) return buildCommand()
  once('search', sourceFingerprint(), [entryOf('cli'), `${folderOf('history')}/dist-stepped/worker.js`], () => {
    console.error('bottomhalf: building...')
    quietly('turbo', ['run', 'build', 'build:stepped', '--filter=@bottomhalf/cli...'])
  })
}

/** Both builds of everything. */
function buildAll() {
  once('everything', sourceFingerprint(), presentNames().map(entryOf), () => {
    console.error('bottomhalf: building everything...')
    quietly('turbo', ['run', 'build', 'build:stepped'])
  })
}

/** Straight into this process: standard input, signals and the exit status are the program's own. */
async function become(file, args) {
  const path = join(root, file)
  process.argv = [process.execPath, path, ...args]
  await import(pathToFileURL(path).href)
}

function forgetReports() {
  for (const file of reportFiles()) rmSync(file, { force: true })
}

function test(args) {
  const status = turbo(['test', 'test:root', '--continue', ...args])
  // One package at a time: these start a thread per pCPU, and beside others they would only measure the queue.
  return turbo(['test:stress', '--concurrency=1', '--continue', ...args]) || status
}

const commands = {
  setup: [buildAll, () => 0],
  start: [buildCommand, (args) => become(entryOf('cli'), ['run', ...args])],
  bottomhalf: [buildFor, (args) => become(entryOf('cli'), args)],
  bench: [buildAll, (args) => become('bench/main.mjs', args)],
  test: [() => { forgetReports(); buildAll() }, test],
  check: [buildAll, check],
  fix: [() => undefined, () => show('eslint', ['--fix', '.'])],
}

const [name = 'setup', ...args] = process.argv.slice(2)
if (!Object.hasOwn(commands, name)) {
  console.error(`bottomhalf: no command '${name}' (${Object.keys(commands).join(', ')})`)
  process.exit(2)
}
requireNode()
install()
const [prepare, work] = commands[name]
prepare(args)
process.exitCode = await work(args) ?? process.exitCode
