// SPDX-License-Identifier: MIT
/**
 * What guests do to each other and to the machine, as whole runs of the host on real threads: how long the death of a domain
 * with 256 bound pIRQs under fire takes, and what a good guest feels of a neighbour's storm that the rate limit has stopped.
 *
 * G1  Two yardsticks: a neighbour whose device is calm, and one whose device is as loud, but masked by its guest. Beside the
 *     latter the thread that is the devices has the same work, and what is left is what the storm's interrupts do.
 * G2  A round has figures only if the limit stopped the storm, and never the good guest.
 * G3  The ratio is the median of the rounds' own ratios: a round's two runs stand side by side in time.
 * G4  One pCPU less than cores, as the devices' thread needs one; and so long that code not yet compiled is not the p99.
 */
import { availableParallelism, tmpdir } from 'node:os'
import { runScenario } from '@bottomhalf/host'
import { parseScenario } from '@bottomhalf/scenario'
import { absoluteRow, print, quick, row, summary } from '../measure.mjs'

const ROUNDS = quick ? 3 : 7
const NEIGHBOUR_MS = quick ? 2000 : 4000
const CPUS = Math.max(1, Math.min(2, availableParallelism() - 1))                               // G4
const LIMIT = 30   // in 10 ms: three times what the good guest's device sends in that time

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

/** The good guest, and its neighbour, whose device interrupts at some rate; `more` says what the neighbour does about that. */
const beside = (rate, more = '') => `
cpus: ${CPUS}
rateLimit: ${LIMIT}
guests:
  - { name: good, cpu: 0, devices: [{ name: nic, arrivals: { poisson: 1k/s } }] }
  - { name: neighbour, cpu: ${CPUS - 1}, devices: [{ name: nic, arrivals: { constant: ${rate} } }]${more} }
`
// 200 arrivals in the limit's window; the calm device sends 4
const neighbours = {                                                                            // G1
  calm: beside('400/s'), masked: beside('20k/s', ', misbehave: { maskForEver: 1 }'), storming: beside('20k/s'),
}

const deaths = []
const figures = { storming: [], calm: [], masked: [] }
for (let round = 0; round < ROUNDS; round++) {
  deaths.push((await run(wide, 400)).events[0].longestNs / 1e6)
  const runs = {}
  for (const [name, text] of Object.entries(neighbours)) runs[name] = await run(text, NEIGHBOUR_MS)
  if (!isFair(Object.values(runs), runs.storming)) continue                                     // G2
  for (const [name, report] of Object.entries(runs)) figures[name].push(p99(report))
}
process.stderr.write(`bench: ${figures.storming.length} of ${ROUNDS} rounds stopped the storm, and nothing else\n`)
if (figures.storming.length === 0) throw new Error('no round stopped the storm, and nothing else')
print([
  absoluteRow('kill of a domain, 256 bound pIRQs under fire', 'ms', summary(deaths), { atMost: 250 }),
  besideRow('calm'),
  besideRow('masked'),
])

function besideRow(name) {
  const ratios = figures.storming.map((figure, round) => figure / figures[name][round])
  const [ours, other] = [summary(figures.storming), summary(figures[name])]
  const found = row('good guest beside a stopped storm, p99', 'us', ours, `beside a ${name} device`, other, { atMost: 1.3 })
  return { ...found, ratio: summary(ratios).median }                                            // G3
}

// Each shutting drops the arrival that was one too many; a window and the time that it is shut for are 10 ms each at most.
function isFair(reports, storm) {
  return limited(storm, 'neighbour') >= NEIGHBOUR_MS / 20 && reports.every((report) => limited(report, 'good') === 0)
}

function limited({ devices }, name) {
  return devices.find(({ guest }) => guest === name).limitedInterrupts
}

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
