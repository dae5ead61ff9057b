// SPDX-License-Identifier: MIT
// The command as a user starts it: a process of its own, real threads.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { RunReport } from '@bottomhalf/host'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

const command = fileURLToPath(new URL('../bin/bottomhalf.mjs', import.meta.url))
let folder = ''

beforeAll(() => { folder = mkdtempSync(join(tmpdir(), 'bottomhalf-')) })
afterAll(() => { rmSync(folder, { recursive: true, force: true }) })

interface Ended { code: number | null, stdout: string, stderr: string }

type WhileRunning = (pid: number, stderr: () => string) => Promise<void>

async function bottomhalf(args: string[], whileRunning?: WhileRunning): Promise<Ended> {
  const child = spawn(process.execPath, [command, ...args], { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] })
  const out = { stdout: '', stderr: '' }
  child.stdout.on('data', (chunk: Buffer) => { out.stdout += chunk.toString() })
  child.stderr.on('data', (chunk: Buffer) => { out.stderr += chunk.toString() })
  const closed = once(child, 'close') as Promise<[number | null]>
  await whileRunning?.(child.pid ?? 0, () => out.stderr)
  const [code] = await closed
  return { code, ...out }
}

function file(name: string, text: string): string {
  writeFileSync(join(folder, name), text)
  return name
}

const short = ['run', '--duration', '300ms', '--json']

describe('a run', () => {
  test('--json prints one object with both runs, nothing lost, every invariant ok', async () => {
    const { code, stdout } = await bottomhalf(short)
    const report = JSON.parse(stdout) as { engine: string, cpus: number, ended: string, runs: RunReport[] }
    expect(report).toMatchObject({ engine: 'threads', scenario: 'default', node: process.version, cpus: 4, seconds: 0.3, ended: 'done' })
    expect(report.runs.map((run) => run.defer)).toEqual(['softirq', 'tasklet'])
    for (const run of report.runs) {
      expect(run.raised).toBeGreaterThan(0)
      expect(run.delivered + run.coalesced).toBe(run.raised)
      expect(run.lost).toBe(0)
      expect(Object.values(run.invariants)).toEqual(Array(11).fill('ok'))
      expect(run.guests.filter((guest) => guest.class === 'idle').every((guest) => guest.ticks > 0)).toBe(true)
    }
    expect(code).toBe(0)
  })

  test('the softirq takes no tasklet lock on the path of an interrupt, the tasklet takes it three times at least', async () => {
    const { stdout } = await bottomhalf([...short, file('busy.yaml', 'guests: [{name: a, cpu: 0, devices: [{name: d, arrivals: {constant: 2k/s}}]}]\n')])
    const [softirq, tasklet] = (JSON.parse(stdout) as { runs: [RunReport, RunReport] }).runs
    const taken = (run: RunReport): number => run.lock.classes.find(({ name }) => name === 'tasklet')?.acquisitions ?? 0
    expect(taken(softirq)).toBeLessThan(50)   // control operations only: they run as a tasklet in either form
    expect(taken(tasklet)).toBeGreaterThanOrEqual(3 * tasklet.delivered)
  })

  test('fewer pCPUs, a lock per CPU, ticket locks and debug checks all end well', async () => {
    const flags = ['--cpus', '2', '--tasklet-lock', 'per-cpu', '--lock', 'ticket', '--debug', '--seed', '9']
    const { code, stdout } = await bottomhalf([...short, ...flags])
    expect(JSON.parse(stdout)).toMatchObject({ cpus: 2, seed: 9, runs: [{ lost: 0 }, { lost: 0, taskletLock: 'per-cpu' }] })
    expect(code).toBe(0)
  })

  test('--arrivals replays a trace, --irq one line of it', async () => {
    const line = (time: string, irq: number): string => `x-1 [000] d.h.. ${time}: irq_handler_entry: irq=${irq} name=n${irq}\n`
    const trace = file('trace.txt', line('1.000', 7) + line('1.010', 8) + line('1.020', 7))
    const { code, stdout } = await bottomhalf([...short, '--defer', 'softirq', '--arrivals', trace, '--irq', 'n8'])
    const [run] = (JSON.parse(stdout) as { runs: [RunReport] }).runs
    const disk = run.devices.find(({ name }) => name === 'disk0')
    expect(disk?.raised).toBeGreaterThan(0)
    expect(disk?.lost).toBe(0)
    expect(code).toBe(0)
  })

  test('elsewhere than on a terminal there is a plain progress line per second on standard error', async () => {
    const { stderr, stdout } = await bottomhalf(['run', '--duration', '1500ms', '--defer', 'softirq'])
    expect(stderr).toMatch(/^softirq {2}\d\/2 s {2}raised \d+ {2}delivered \d+ {2}coalesced \d+ {2}pending \d+$/m)
    expect(stdout).toContain('I1-I11 ok')
  })
})

const shipped = (name: string): string => fileURLToPath(new URL(`../../../scenarios/${name}.yaml`, import.meta.url))

const allServed = { gone: 0, crashed: 0, notEnded: 0, masked: 0, scribbled: 0, limited: 0 }

/** A short run of a shipped scenario, in both forms: nothing lost, every invariant ok. */
async function runShipped(name: string, duration: string): Promise<RunReport[]> {
  const { code, stdout } = await bottomhalf(['run', shipped(name), '--duration', duration, '--json'])
  const { runs } = JSON.parse(stdout) as { runs: RunReport[] }
  for (const run of runs) {
    const unserved = Object.values<number>({ ...run.unserved }).reduce((a, b) => a + b, 0)
    expect(run).toMatchObject({ lost: 0, raised: run.delivered + run.coalesced + unserved })
    expect(new Set(Object.values(run.invariants))).toEqual(new Set(['ok']))
    for (const { refused } of run.events) expect(refused).toEqual({})
  }
  expect(runs.map((run) => run.defer)).toEqual(['softirq', 'tasklet'])
  expect(code).toBe(0)
  return runs
}

describe('shipped scenarios', () => {
  test('driver-reload: drivers are unbound and bound again and again under fire, others have nothing unserved', async () => {
    for (const run of await runShipped('driver-reload', '600ms')) {
      for (const { name, done } of run.events) if (name.startsWith('reload')) expect(done).toBeGreaterThan(0)
      const quiet = run.devices.find(({ guest }) => guest === 'quiet')
      expect(quiet).toMatchObject({ lost: 0, unserved: allServed })
    }
  })

  test('kill-under-fire: domains are killed and live again, and nothing of a dead one is left (I11)', async () => {
    for (const run of await runShipped('kill-under-fire', '1s')) {
      const done = (name: string): number => run.events.find((event) => event.name === name)?.done ?? 0
      expect(done('kill victim')).toBeGreaterThan(0)
      expect(run.guests.find(({ name }) => name === 'victim')?.lives).toBe(done('create victim') + 1)
      expect(run.restarts).toBeGreaterThanOrEqual(run.events.reduce((sum, { restarts }) => sum + restarts, 0))
      expect(run.devices.find(({ guest }) => guest === 'steady')).toMatchObject({ lost: 0, unserved: allServed })
    }
  })

  test('hotplug: pCPUs and devices go and come under fire, and only what the pulled device raised is unserved', async () => {
    for (const run of await runShipped('hotplug', '1s')) {
      expect(run.events.find(({ name }) => name === 'cpuDown 1')?.done).toBeGreaterThan(0)
      expect(run.events.find(({ name }) => name === 'remove disk/disk0')?.done).toBeGreaterThan(0)
      for (const device of run.devices.filter(({ guest }) => guest !== 'disk')) expect(device.unserved).toEqual(allServed)
    }
  })

  test('intx-shared: every driver on the shared line serves its own device, and the line is released (I10)', async () => {
    for (const run of await runShipped('intx-shared', '500ms')) {
      for (const device of run.devices) expect(device).toMatchObject({ lost: 0, unserved: allServed })
      for (const { delivered } of run.devices) expect(delivered).toBeGreaterThan(0)
    }
  })

  test('misbehaving-guest: good guests lose nothing and leave nothing unserved, whatever their neighbours do', async () => {
    for (const run of await runShipped('misbehaving-guest', '1s')) {
      const good = run.devices.filter(({ guest }) => guest === 'good' || guest === 'sharer')
      for (const device of good) expect(device).toMatchObject({ lost: 0, unserved: allServed })
      expect(run.guests.filter(({ misbehaves }) => misbehaves).map(({ name }) => name))
        .toEqual(['silent', 'masker', 'eager', 'crasher', 'listener', 'scribbler'])
      for (const name of ['nic', 'disk']) {
        const behindMask = run.devices.find((device) => device.guest === 'masker' && device.name === name)
        expect(behindMask?.unserved.masked).toBeGreaterThan(0)
      }
    }
  })

  test('a guest that masks for ever stays masked when its driver is loaded anew', async () => {
    const devices = '[{name: a, arrivals: {constant: 2k/s}}, {name: b, interrupt: {msix: {vectors: 2}}, arrivals: {constant: 2k/s}}]'
    const text = `cpus: 1\nguests: [{name: g, cpu: 0, misbehave: {maskForEver: 3}, devices: ${devices}}]\n` +
      'events: [{at: 100ms, every: 50ms, reload: g/a}, {at: 100ms, every: 50ms, reload: g/b}]\n'
    const { code, stdout } = await bottomhalf([...short, file('mask.yaml', text)])
    for (const { devices, delivered, events } of (JSON.parse(stdout) as { runs: RunReport[] }).runs) {
      for (const { done } of events) expect(done).toBeGreaterThan(0)
      for (const device of devices) expect(device.lost).toBe(0)
      // its third, and one of each message that was on its way
      expect(delivered).toBeLessThanOrEqual(6)
    }
    expect(code).toBe(0)
  })

  test('a guest that crashes, one that ends nothing and one that ends too much hurt only themselves', async () => {
    const bad = (name: string, how: string): string =>
      `{name: ${name}, cpu: 1, misbehave: {${how}: 3}, devices: [{name: d, arrivals: {constant: 2k/s}}]}`
    const bads = [bad('silent', 'neverEoi'), bad('crasher', 'crash'), bad('eager', 'strayEoi')].join(', ')
    const text = `cpus: 2\nguests: [{name: good, cpu: 0, devices: [{name: d, arrivals: {poisson: 4k/s}}]}, ${bads}]\n`
    const { code, stdout } = await bottomhalf([...short, file('bad.yaml', text)])
    for (const { devices, invariants } of (JSON.parse(stdout) as { runs: RunReport[] }).runs) {
      const [good, silent, crasher, eager] = devices
      for (const one of [good, eager]) expect(one).toMatchObject({ lost: 0, unserved: allServed })
      expect(silent).toMatchObject({ lost: 0, unserved: { crashed: 0 } })
      expect(silent?.delivered).toBeLessThanOrEqual(3)
      expect(silent?.unserved.notEnded).toBeGreaterThan(0)
      expect(crasher).toMatchObject({ lost: 0, unserved: { notEnded: 0 } })
      expect(crasher?.delivered).toBeLessThanOrEqual(3)
      expect(crasher?.unserved.crashed).toBeGreaterThan(0)
      expect(new Set(Object.values(invariants))).toEqual(new Set(['ok']))
    }
    expect(code).toBe(0)
  })
})

describe('an end before the end', () => {
  const runs = (_pid: number, stderr: () => string): Promise<void> => new Promise((resolve) => {
    const timer = setInterval(() => {
      if (!/raised [1-9]/.test(stderr())) return
      clearInterval(timer)
      resolve()
    }, 20)
  })

  test.each([['SIGINT', 130], ['SIGTERM', 143]] as const)('%s ends in order with the report so far', async (signal, exitCode) => {
    const { code, stdout } = await bottomhalf(['run', '--duration', '60', '--json'], async (pid, stderr) => {
      await runs(pid, stderr)
      process.kill(pid, signal)
    })
    expect(JSON.parse(stdout)).toMatchObject({ ended: signal, runs: [{ defer: 'softirq', lost: 0 }] })
    expect(code).toBe(exitCode)
  })

  test('one Ctrl-C that arrives twice, as below npm, is one: the report so far is printed', async () => {
    const { code, stdout } = await bottomhalf(['run', '--duration', '60', '--json'], async (pid, stderr) => {
      await runs(pid, stderr)
      process.kill(pid, 'SIGINT')
      await new Promise((resolve) => { setTimeout(resolve, 20) })
      process.kill(pid, 'SIGINT')
    })
    expect(JSON.parse(stdout)).toMatchObject({ ended: 'SIGINT', runs: [{ lost: 0 }] })
    expect(code).toBe(130)
  })

  test('a signal before anything ran ends the start, without a report', async () => {
    const { code, stdout } = await bottomhalf(['run', '--cpus', '64', '--duration', '60', '--json'], async (pid) => {
      await new Promise((resolve) => { setTimeout(resolve, 1500) })
      process.kill(pid, 'SIGTERM')
    })
    if (stdout !== '') expect(JSON.parse(stdout)).toMatchObject({ ended: 'SIGTERM' })
    expect(code).toBe(143)
    expect(existsSync(join(folder, 'bottomhalf-evidence'))).toBe(false)
  })

  test('evidence that cannot be saved is said in the same line', async () => {
    const { code, stderr } = await bottomhalf(['run', '--fault', 'kill-cpu=1@10ms', '--evidence', '/proc/none/at/all'])
    expect(stderr).toMatch(/^bottomhalf: the machine stopped \(worker-lost\): CPU 1: .* \(no evidence saved: .*\)$/m)
    expect(code).toBe(70)
  })

  test('a scenario that the machine cannot hold is refused with 4, and nothing is saved', async () => {
    const devices = Array.from({ length: 64 }, (_, i) => `{name: d${i}, arrivals: {constant: 1/s}}`).join(', ')
    const guests = Array.from({ length: 17 }, (_, i) => `{name: g${i}, cpu: 0, devices: [${devices}]}`).join(', ')
    const { code, stdout, stderr } = await bottomhalf(['run', file('many.yaml', `guests: [${guests}]`), '--evidence', 'none'])
    expect(stderr).toMatch(/^bottomhalf: guest g\d+: binding device d\d+ answers -ENOSPC$/m)
    expect({ code, stdout }).toEqual({ code: 4, stdout: '' })
    expect(existsSync(join(folder, 'none'))).toBe(false)
  })

  test('guests that work for longer than the host would wait in vain lose nothing', async () => {
    const devices = Array.from({ length: 40 }, (_, i) => `{name: d${i}, arrivals: {constant: 20/s}}`).join(', ')
    const slow = file('slow.yaml', `guests: [{name: a, cpu: 0, work: 150ms, devices: [${devices}]}]`)
    const { code, stdout } = await bottomhalf(['run', slow, '--duration', '100ms', '--defer', 'softirq', '--json'])
    expect(JSON.parse(stdout)).toMatchObject({ runs: [{ lost: 0 }] })
    expect(code).toBe(0)
  })

  test('a worker killed by force ends the host with its evidence and exit code 70', async () => {
    const { code, stdout, stderr } = await bottomhalf(['run', '--duration', '60', '--fault', 'kill-cpu=1@200ms', '--evidence', 'ev'])
    expect(code).toBe(70)
    expect(stdout).toBe('')
    expect(stderr).toMatch(/bottomhalf: the machine stopped \(worker-lost\): CPU 1: .* \(evidence: .*\)/)
    const [name = ''] = readdirSync(join(folder, 'ev'))
    expect(JSON.parse(readFileSync(join(folder, 'ev', name), 'utf8'))).toMatchObject({ reason: 'worker-lost' })
  })
})

describe('bad input: one line, nothing started', () => {
  test.each([
    ['an unknown option', ['run', '--nonsense'], 2, /^bottomhalf: unknown option '--nonsense'\n$/],
    ['an unknown command', ['frob'], 2, /^bottomhalf: unknown command 'frob'\n$/],
    ['an option almost right', ['run', '--deferr'], 2, /^bottomhalf: unknown option '--deferr' \(Did you mean --defer\?\)\n$/],
    ['no command', [], 2, /^bottomhalf: no such command; expected one that --help names\n$/],
    ['help for no command', ['help', 'frob'], 2, /^bottomhalf: no such command; expected .*\n$/],
    ['a name with a line break', ['run', 'a\nb\u001b[2J'], 3, /^bottomhalf: a b\\u001b\[2J: no such file; expected .*\n$/],
    ['a device for a scenario', ['run', '/dev/zero'], 3, /^bottomhalf: \/dev\/zero: is a pipe or a device; expected .*\n$/],
    ['an impossible count', ['run', '--cpus', '0'], 2, /^bottomhalf: option '--cpus <n>' argument '0' is invalid\. Expected .* 1 to 64\.\n$/],
    ['a value that is none of the choices', ['run', '--defer', 'later'], 2, /^bottomhalf: .*Allowed choices are softirq, tasklet, both\.\n$/],
    ['a fault on a CPU that is not there', ['run', '--fault', 'kill-cpu=9'], 2, /^bottomhalf: --fault kill-cpu=9: expected .* 0 to 3\n$/],
    ['--irq alone', ['run', '--irq', '7'], 2, /^bottomhalf: --irq needs --arrivals\n$/],
    ['a missing scenario', ['run', 'none.yaml'], 3, /^bottomhalf: none\.yaml: no such file; expected a scenario file \(YAML\)\n$/],
    ['a folder for a scenario', ['run', '.'], 3, /^bottomhalf: \.: is a directory; expected/],
    ['a malformed scenario', ['run', 'bad.yaml'], 3, /^bottomhalf: bad\.yaml:1:9: guests is not valid; expected array\n$/],
    ['an empty trace', ['run', '--arrivals', 'empty.txt'], 3, /^bottomhalf: empty\.txt: the trace is empty; expected ftrace text/],
    ['a trace without interrupts', ['run', '--arrivals', 'ticks.txt'], 3, /^bottomhalf: ticks\.txt: 1 events, none of them irq_handler_entry/],
    ['no trace at all', ['run', '--arrivals', 'bad.yaml'], 3, /^bottomhalf: bad\.yaml:1:1: 'guests: 7' is no trace event/],
  ])('%s', async (_, args, exitCode, message) => {
    file('bad.yaml', 'guests: 7\n')
    file('empty.txt', '')
    file('ticks.txt', 'x-1 [000] d.h.. 1.5: local_timer_entry: vector=236\n')
    const { code, stdout, stderr } = await bottomhalf(args)
    expect(stderr).toMatch(message)
    expect(stdout).toBe('')
    expect(code).toBe(exitCode)
    expect(existsSync(join(folder, 'bottomhalf-evidence'))).toBe(false)
  })
})

test('--help and --version answer on standard output with 0', async () => {
  const help = await bottomhalf(['run', '--help'])
  expect(help).toMatchObject({ code: 0, stderr: '' })
  expect(help.stdout).toContain('--defer <how>')
  expect(await bottomhalf(['--version'])).toMatchObject({ code: 0, stdout: '0.0.0\n' })
})
