// SPDX-License-Identifier: MIT
/**
 * What guests do to each other and to the machine, as whole runs of the host on real threads: how long the death of a domain
 * with 256 bound pIRQs under fire takes, and what a good guest feels of a neighbour's storm that the rate limit has stopped.
 */
import { tmpdir } from 'node:os'
import { runScenario } from '@bottomhalf/host'
import { parseScenario } from '@bottomhalf/scenario'
import { print, quick, row, summary } from '../measure.mjs'

const ROUNDS = quick ? 3 : 7

const wide = `
cpus: 4
guests:
  - name: wide
    cpu: 0
    vcpus: 4
    devices:
${['a', 'b', 'c', 'd'].map((name) => `      - { name: ${name}, interrupt: { msix: { vectors: 64 } }, arrivals: { constant: 8k/s } }`).join('\n')}
events:
  - { at: 200ms, kill: wide }
`

/** The good guest, and its neighbour on another pCPU at some rate. */
const beside = (rate) => `
cpus: 2
rateLimit: 30
guests:
  - { name: good, cpu: 0, devices: [{ name: nic, arrivals: { poisson: 1k/s } }] }
  - { name: neighbour, cpu: 1, devices: [{ name: nic, arrivals: { constant: ${rate} } }] }
`

const deaths = []
const calm = []
const stormy = []
for (let round = 0; round < ROUNDS; round++) {
  deaths.push((await run(wide, 400)).events[0].longestNs / 1e6)
  calm.push(p99((await run(beside('500/s'), 1000))))
  const storm = await run(beside('20k/s'), 1000)
  const dropped = storm.devices.find(({ guest }) => guest === 'neighbour').limitedInterrupts
  if (dropped === 0) process.stderr.write('bench: the rate limit had nothing to stop in this round\n')
  stormy.push(p99(storm))
}
print([
  row('kill of a domain, 256 bound pIRQs under fire', 'ms', summary(deaths), 'the limit', summary([250]), { atMost: 1 }),
  row('good guest beside a stopped storm, p99', 'us', summary(stormy), 'beside a calm guest', summary(calm), { atMost: 1.3 }),
])

function p99({ guests }) {
  return guests.find(({ name }) => name === 'good').latencyNs.p99 / 1e3
}

async function run(text, durationMs) {
  const report = await runScenario({
    scenario: parseScenario(text, 'guests.mjs'), recordings: {}, defer: 'softirq', taskletLock: 'global', lock: 'tas',
    durationNs: durationMs * 1e6, seed: 1, debug: false, evidence: tmpdir(),
  })
  if (report.lost !== 0) throw new Error(`${report.lost} arrivals were lost`)
  return report
}
