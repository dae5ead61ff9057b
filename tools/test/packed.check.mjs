// SPDX-License-Identifier: MIT
// Packages as others get them: packed, installed from the tarballs by plain npm into a folder of its own, and used as their
// readmes say. Nothing is fetched.
import { execFileSync, spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { folderOf, root } from '../layers.mjs'

const packages = ['base', 'machine', 'atomics', 'list', 'spinlock', 'cpu', 'softirq', 'tasklet']
const bin = (name) => join(root, 'node_modules', name)
const tsc = bin('typescript/bin/tsc')
let folder = ''

function node(args, cwd = folder) {
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { cwd, encoding: 'utf8', timeout: 50_000 })
  return { status, stdout, stderr }
}

function put(name, text) {
  writeFileSync(join(folder, name), text)
  return name
}

/** The code blocks of a readme in one language. */
function examples(name, language) {
  const text = readFileSync(join(folder, 'node_modules/@bottomhalf', name, 'README.md'), 'utf8')
  return [...text.matchAll(/^```(\w+)\n(.*?)^```$/gms)].filter(([, lang]) => lang === language).map(([, , code]) => code)
}

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'bottomhalf-packed-'))
  mkdirSync(join(folder, 'tarballs'))
  expect(node([tsc, '-b', ...packages.map((name) => `${folderOf(name)}/tsconfig.build.json`)], root)).toMatchObject({ status: 0 })
  for (const name of packages) {
    const args = [bin('pnpm/bin/pnpm.cjs'), 'pack', '--pack-destination', join(folder, 'tarballs')]
    expect(node(args, join(root, folderOf(name)))).toMatchObject({ status: 0 })
  }
  put('package.json', '{ "name": "user", "private": true, "type": "module" }\n')
  const tarballs = readdirSync(join(folder, 'tarballs')).map((file) => `./tarballs/${file}`)
  // npm's own settings of the surrounding run stay outside
  const env = Object.fromEntries(Object.entries(process.env).filter(([key]) => !/^npm_/i.test(key)))
  execFileSync('npm', ['install', '--offline', '--no-audit', '--no-fund', '--ignore-scripts', ...tarballs], {
    cwd: folder, env, stdio: 'pipe', shell: process.platform === 'win32',
  })
}, 60_000)

afterAll(() => { rmSync(folder, { recursive: true, force: true }) })

test('a tarball holds both builds, types and the sources that the maps name, and no test', () => {
  const inside = join(folder, 'node_modules/@bottomhalf/spinlock')
  expect(readdirSync(inside).sort()).toEqual(['LICENSE', 'README.md', 'dist', 'dist-stepped', 'package.json', 'src'])
  expect(readdirSync(join(inside, 'dist'))).toEqual(expect.arrayContaining(['index.js', 'index.d.ts', 'index.js.map']))
  expect(readFileSync(join(inside, 'package.json'), 'utf8')).not.toContain('workspace:')
})

describe('examples of the readmes', () => {
  const whole = ['base', 'machine', 'atomics', 'list', 'spinlock']
  test.each(whole)('%s: runs as it stands', (name) => {
    const [code] = examples(name, 'js')
    expect(code, `the readme of ${name} has an example`).toBeDefined()
    expect(node([put(`${name}.mjs`, code)])).toMatchObject({ status: 0, stderr: '' })
  })

  test('machine: its results are those that its comments tell', () => {
    const code = examples('machine', 'js')[0].replace(/^(ld\(.*\)) +\/\/ 105$/m, 'console.log($1)')
    expect(node([put('told.mjs', code)])).toMatchObject({ status: 0, stdout: '105\n' })
  })

  test('all of them, and those of softirq and tasklet, are well typed', () => {
    const files = whole.map((name) => put(`${name}.example.ts`, examples(name, 'js')[0]))
    // fragments: what they leave to the reader is declared around them
    files.push(put('softirq.example.ts', `
      import { handler } from '@bottomhalf/machine'
      import { cpuPark, thisCpuOnline } from '@bottomhalf/cpu'
      import { beginLooking, cpuRaiseSoftirq, doSoftirq, openSoftirq, raiseSoftirq, sleepUnlessPending } from '@bottomhalf/softirq'
      import type { CpuId, SoftirqNr } from '@bottomhalf/base'
      const RX = 5 as SoftirqNr
      const serveRx = (): void => undefined
      export function example(): void {${examples('softirq', 'ts')[0].replace('cpuRaiseSoftirq(3,', 'cpuRaiseSoftirq(3 as CpuId,')}}`))
    files.push(put('tasklet.example.ts', `
      import { handler, xzalloc } from '@bottomhalf/machine'
      import { setupTasklets, softirqTaskletInit, Tasklet, taskletKill, taskletSchedule, TASKLET_LOCK_GLOBAL } from '@bottomhalf/tasklet'
      const device = 7
      const poll = (_device: number): void => undefined
      export function example(): void {${examples('tasklet', 'ts')[0].replace(/softirqNr: (\d+), scheduleNr: (\d+)/, 'softirqNr: $1 as never, scheduleNr: $2 as never')}}`))
    put('tsconfig.json', JSON.stringify({
      compilerOptions: {
        module: 'nodenext', target: 'es2022', strict: true, noEmit: true, skipLibCheck: false,
        types: ['node'], typeRoots: [bin('@types')],
      },
      files,
    }))
    expect(node([tsc, '-p', '.'])).toMatchObject({ status: 0, stdout: '' })
  })

  test('the stepped build is what the condition picks', () => {
    const code = `const { spinLock } = await import('@bottomhalf/spinlock'); console.log(Object.prototype.toString.call(spinLock))`
    const kind = (...flags) => node([...flags, put('kind.mjs', code)]).stdout.trim()
    expect([kind(), kind('--conditions=stepped')]).toEqual(['[object Function]', '[object GeneratorFunction]'])
  })
})

const ROUNDS = 20_000

/** Two threads add to one plain word under a lock: what the main thread prints at the end. */
function countTogether() {
  put('shared.mjs', `
    import { ld, st } from '@bottomhalf/machine'
    import { lockClass, spinLock, spinUnlock } from '@bottomhalf/spinlock'
    export const counters = lockClass('counters')
    export function work(lock, counter) {
      for (let i = 0; i < ${ROUNDS}; i++) {
        spinLock(lock)
        st(counter, ld(counter) + 1)
        spinUnlock(lock)
      }
    }`)
  put('worker.mjs', `
    import { parentPort, workerData } from 'node:worker_threads'
    import { provideMemory } from '@bottomhalf/machine/provide'
    provideMemory(workerData.memory)
    const { attachMemory, setCurrentCpu } = await import('@bottomhalf/machine')
    const { work } = await import('./shared.mjs')
    attachMemory()
    setCurrentCpu(1)
    Atomics.add(workerData.gate, 0, 1)
    while (Atomics.load(workerData.gate, 0) < 2);
    work(workerData.lock, workerData.counter)
    parentPort.postMessage('done')`)
  return node([put('main.mjs', `
    import { once } from 'node:events'
    import { Worker } from 'node:worker_threads'
    import { boundMemory, formatMemory, ld, setCurrentCpu, xzalloc } from '@bottomhalf/machine'
    import { SpinLock, spinLockInit } from '@bottomhalf/spinlock'
    import { counters, work } from './shared.mjs'
    formatMemory({ cpus: 2 })
    setCurrentCpu(0)
    const lock = xzalloc(SpinLock.sizeWords, SpinLock.tag)
    spinLockInit(lock, counters)
    const counter = xzalloc(1, 0)
    const gate = new Int32Array(new SharedArrayBuffer(4))
    const worker = new Worker(new URL('./worker.mjs', import.meta.url), { workerData: { memory: boundMemory(), lock, counter, gate } })
    const done = once(worker, 'message')
    while (Atomics.load(gate, 0) < 1) await new Promise((resolve) => setTimeout(resolve, 1))
    Atomics.add(gate, 0, 1)
    work(lock, counter)
    await done
    console.log(ld(counter))`)])
}

test('two threads that share a spinlock lose no count', () => {
  expect(countTogether()).toMatchObject({ status: 0, stdout: `${2 * ROUNDS}\n`, stderr: '' })
})
