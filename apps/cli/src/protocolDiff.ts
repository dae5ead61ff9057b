// SPDX-License-Identifier: MIT
/** `bottomhalf protocol diff`: what deliveries cost with one protocol and with another, counted, not timed. */
import { dirname, resolve } from 'node:path'
import { costsWith, forms, isForm, type Cost, type SituationCost } from '@bottomhalf/history'
import Table from 'cli-table3'
import { buildRefusal } from './buildRefusal.js'
import { ExitCode } from './exitCodes.js'
import { readText } from './input.js'

/** Compare two protocols, each a form or a file, and print it. Throws `InputError`. */
export async function diff(names: readonly [string, string], { json }: { readonly json: boolean }): Promise<number> {
  for (const name of names) if (!isForm(name)) readText(name, expected())
  const [first, second] = [await costsOf(names[0]), await costsOf(names[1])]
  const situations = first.map(({ cost, ...situation }, i): Compared =>
    ({ ...situation, costs: [cost, second[i]?.cost ?? cost] }))
  const text = json ? JSON.stringify({ protocols: names, situations }) : diffTable(names, situations)
  process.stdout.write(`${text}\n`)
  return ExitCode.Done
}

const expected = (): string => `a protocol, or a form: ${forms.map(({ name }) => name).join(', ')}`

async function costsOf(name: string): Promise<readonly SituationCost[]> {
  return costsWith(name).catch((error: unknown) => {
    throw buildRefusal(name, error, expected(), dirname(resolve(name))) ?? error
  })
}

interface Compared extends Omit<SituationCost, 'cost'> { readonly costs: readonly [Cost, Cost] }

const measures = [
  ['atomics', 'atomic operations'], ['plain', 'plain accesses'], ['locks', 'locks taken'], ['ipis', 'IPIs'],
  ['sharedLines', 'lines shared'],
] as const

function diffTable(names: readonly [string, string], situations: readonly Compared[]): string {
  const table = new Table({
    head: ['', ...names, 'difference'], colAligns: ['left', 'right', 'right', 'right'], style: { head: [], border: [] },
  })
  for (const { name, what, costs: [first, second] } of situations) {
    const complaint = [first, second].map(({ violation }) => violation === null ? '' : '*')
    const isWhole = first.violation === null && second.violation === null
    const rows = measures.map(([key]) => [first[key], second[key], isWhole ? signed(second[key] - first[key]) : ''])
    const lines = (column: number): string => ['', ...rows.map((row) => String(row[column]))].join('\n')
    table.push([
      [`${name}: ${what}`, ...measures.map(([, title]) => `  ${title}`)].join('\n'),
      `${complaint[0] ?? ''}${lines(0)}`, `${complaint[1] ?? ''}${lines(1)}`, lines(2),
    ])
  }
  const broken = situations.flatMap(({ name, costs }) => costs.flatMap(({ violation }, i) =>
    violation === null ? [] : [`* ${name} with ${names[i] ?? ''} ends early: ${violation}`]))
  return [table.toString(), ...broken].join('\n')
}

const signed = (n: number): string => n > 0 ? `+${n}` : String(n)
