// SPDX-License-Identifier: MIT
/** The same on the stepped build. The cycle runs on three CPUs at once, one step each in turn. */
import { irqEnable, memoryHash } from '@bottomhalf/machine'
import { doSoftirq } from '@bottomhalf/softirq'
import { scheduleDpci } from '@bottomhalf/passthrough-io'
import { lockstep, roundRobin } from '@bottomhalf/testkit/lockstep'
import { perform, Op } from '@bottomhalf/machine/engine'
import { boot, countsOf, createGuest, CPUS, Devices, mix } from './workload.mjs'

const [steps, seed, cycles] = process.argv.slice(2).map(Number)
let machine
const run = (cpu, fn) => {
  const result = machine.call(cpu, fn)
  machine.call(cpu, () => poll())
  return result
}
const hash = () => memoryHash(machine.memory)

/** What irqEnable is here; the second is the step before which the engine takes what the first has found. */
function* poll() {
  for (let n = 0; n < 2; n++) if (irqEnable()) yield
}

function start() {
  machine = lockstep({ cpus: CPUS, debug: true, irqsOn: true, interrupts: 'polled' })
  const devices = perform(Op.Xmalloc, Devices.sizeWords, Devices.tag, 1)
  boot(run)
  return devices
}

function* cycle(record) {
  for (let n = 0; n < cycles; n++) {
    yield* scheduleDpci(record)
    yield* doSoftirq()
  }
}

const hashes = []
const results = mix(run, start(), steps, seed, () => hashes.push(hash()))

const guest = createGuest(run, start(), CPUS)
for (let cpu = 0; cpu < CPUS; cpu++) machine.spawn(cpu, () => cycle(guest.records[cpu]))
const { verdict } = machine.run(roundRobin(), { maxSteps: 10_000_000 })
if (verdict !== 'finished') throw new Error(`the round robin ended with ${verdict}`)
console.log(JSON.stringify({ build: 'stepped', hashes, results, counts: countsOf(run, guest), hash: hash() }))
