// SPDX-License-Identifier: MIT
/** The result of runs as a table, a column each. */
import { invariantNames, type EventReport, type GuestReport, type RunReport, type Unserved } from '@bottomhalf/host'
import Table from 'cli-table3'

/** Render runs side by side. */
export function runTable(runs: readonly RunReport[]): string {
  if (runs.length === 0) return 'no run'
  const table = new Table({
    head: ['', ...runs.map(title)],
    colAligns: ['left', ...runs.map(() => 'right' as const)],
    style: { head: [], border: [] },
    chars: { mid: '', 'left-mid': '', 'mid-mid': '', 'right-mid': '' },   // no line between rows
  })
  for (const [label, cell] of rows(runs)) table.push([label, ...runs.map(cell)])
  return table.toString()
}

type Row = [string, (run: RunReport) => string]

function rows(runs: readonly RunReport[]): Row[] {
  return [
    ['raised', (r) => count(r.raised)],
    ['delivered', (r) => count(r.delivered)],
    ['coalesced', (r) => count(r.coalesced)],
    ...unservedWhy(runs),
    ['lost', (r) => count(r.lost)],
    ['latency p50', (r) => duration(r.latencyNs.p50)],
    ['latency p99', (r) => duration(r.latencyNs.p99)],
    ['latency p999', (r) => duration(r.latencyNs.p999)],
    ['latency max', (r) => duration(r.latencyNs.max)],
    ['lock acquisitions', (r) => count(r.lock.acquisitions)],
    ['lock contended', (r) => count(r.lock.contended)],
    ['lock wait', (r) => duration(r.lock.waitNs)],
    ...lockClasses(runs),
    ...eventRows(runs),
    ['IPIs', (r) => count(r.ipis)],
    ['softirq runs', (r) => count(sum(Object.values(r.softirqs)))],
    ...guestClasses(runs),
    ['invariants', invariants],
  ]
}

/** A line for each reason for which some arrival was not served. */
function unservedWhy(runs: readonly RunReport[]): Row[] {
  const reasons = Object.entries(unservedNames) as [keyof Unserved, string][]
  return reasons.filter(([why]) => runs.some((r) => r.unserved[why] > 0))
    .map(([why, name]): Row => [`unserved: ${name}`, (r) => count(r.unserved[why])])
}

const unservedNames: Readonly<Record<keyof Unserved, string>> = {
  gone: 'bound to nobody', crashed: 'guest crashed', notEnded: 'guest ends nothing', masked: 'guest masked its line',
  scribbled: 'guest wrote its vector table', limited: 'limited',
}

/** A line for each event, and one for each guest: a scenario that has events is about who is hurt by them. */
function eventRows(runs: readonly RunReport[]): Row[] {
  const first = runs[0]
  if (first === undefined || (first.events.length === 0 && !first.guests.some((g) => g.misbehaves))) return []
  const ofGuest = (i: number, cell: (g: GuestReport) => string) => (r: RunReport): string => {
    const guest = r.guests[i]
    return guest === undefined ? '-' : cell(guest)
  }
  return [
    ...first.guests.flatMap(({ name, class: kind, misbehaves }, i): Row[] => (kind === 'idle' ? [] : [
      [`${name}${misbehaves ? ' (misbehaves)' : ''}: raised / lost`, ofGuest(i, (g) => `${count(g.raised)} / ${count(g.lost)}`)],
      ['  latency p50 / p99', ofGuest(i, (g) => `${duration(g.latencyNs.p50)} / ${duration(g.latencyNs.p99)}`)],
    ])),
    ...first.events.map(({ name }, i): Row => [`event ${name}`, (r) => eventCell(r.events[i])]),
    ['operations continued after -ERESTART', (r) => count(r.restarts)],
  ]
}

function eventCell(event: EventReport | undefined): string {
  if (event === undefined) return '-'
  const refused = Object.entries(event.refused).map(([errno, n]) => `, ${n} ${errno}`)
  const restarted = event.restarts === 0 ? '' : `, ${event.restarts} restarts`
  return `${count(event.done)} done${restarted}${refused.join('')}`
}

/** A line for each class of lock that was taken in some run. */
function lockClasses(runs: readonly RunReport[]): Row[] {
  const names = [...new Set(runs.flatMap((r) => r.lock.classes.filter((c) => c.acquisitions > 0).map((c) => c.name)))]
  return names.map((name): Row => [`  ${name}: taken / contended`, (r) => {
    const found = r.lock.classes.find((c) => c.name === name)
    return found === undefined ? '-' : `${count(found.acquisitions)} / ${count(found.contended)}`
  }])
}

/** Time per class of guest, in % of the time of all guests of the class. */
function guestClasses(runs: readonly RunReport[]): Row[] {
  const classes = [...new Set(runs.flatMap((r) => r.guests.map((g) => g.class)))]
  const part = (pick: (g: GuestReport) => number, name: string) => (r: RunReport): string => {
    const guests = r.guests.filter((g) => g.class === name)
    const whole = sum(guests.map((g) => g.runningNs + g.runnableNs + g.blockedNs))
    return whole === 0 ? '-' : `${(100 * sum(guests.map(pick)) / whole).toFixed(2)} %`
  }
  return classes.flatMap((name): Row[] => [
    [`${name} guests: running`, part((g) => g.runningNs, name)],
    [`${name} guests: of it eaten`, part((g) => g.eatenNs, name)],
    [`${name} guests: runnable`, part((g) => g.runnableNs, name)],
    [`${name} guests: blocked`, part((g) => g.blockedNs, name)],
  ])
}

function title(run: RunReport): string {
  return run.taskletLock === 'per-cpu' ? 'tasklet, lock per CPU' : run.defer
}

function invariants(run: RunReport): string {
  const broken = invariantNames.filter((name) => run.invariants[name] !== 'ok')
  return broken.length === 0 ? `${invariantNames[0]}-${invariantNames.at(-1) ?? ''} ok` : broken.map((name) => `${name}: ${run.invariants[name]}`).join('\n')
}

function count(n: number): string {
  return n.toLocaleString('en-US').replaceAll(',', ' ')
}

/** Three digits and a unit. */
export function duration(ns: number): string {
  if (ns < 1e3) return `${ns.toFixed(0)} ns`
  if (ns < 1e6) return `${(ns / 1e3).toPrecision(3)} us`
  if (ns < 1e9) return `${(ns / 1e6).toPrecision(3)} ms`
  return `${(ns / 1e9).toPrecision(3)} s`
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((a, b) => a + b, 0)
}
