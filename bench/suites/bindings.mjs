// SPDX-License-Identifier: MIT
/**
 * Bindings and domains: what a bind and unbind takes, a line's whole way against a message's on one CPU, and whether domains
 * that were killed leave anything in the heap.
 */
import { formatMemory, setCurrentCpu } from '@bottomhalf/machine'
import {
  bindings, boot, domains, faultCount, lineCycles, messageCycles, wordsInUse,
} from '../machines/bound.mjs'
import { absoluteRow, nsPerTurn, print, row, summary } from '../measure.mjs'

const DOMAINS = 10_000
const BATCH = 100

formatMemory({ cpus: 1, trace: false })
setCurrentCpu(0)
boot()

const cycles = await nsPerTurn({ line: lineCycles, message: messageCycles })
const bound = await nsPerTurn({ bindings })
const before = wordsInUse()
const domainUs = usPerDomain()
const left = wordsInUse() - before
if (faultCount() > 0) throw new Error(`${faultCount()} steps did not do what they are there for`)

print([
  absoluteRow('bind + unbind of a message, 1 pCPU', 'us', microseconds(bound.bindings), { atMost: 20 }),
  row('line, raised to unmasked', 'ns', cycles.line, 'message, sent to ended', cycles.message, { atMost: 3 }),
  absoluteRow(`heap after ${DOMAINS} domains less before`, 'words', summary([left]), { exactly: 0 }),
  absoluteRow('domain created and killed', 'us', domainUs),
])

function usPerDomain() {
  const figures = []
  for (let done = 0; done < DOMAINS; done += BATCH) {
    const start = process.hrtime.bigint()
    domains(BATCH)
    figures.push(Number(process.hrtime.bigint() - start) / 1e3 / BATCH)
  }
  return summary(figures)
}

// The target is for the median, which is what somebody who binds sees.
function microseconds({ median, min, max }) {
  return { typical: median / 1e3, median: median / 1e3, min: min / 1e3, max: max / 1e3 }
}
