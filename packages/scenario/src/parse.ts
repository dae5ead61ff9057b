// SPDX-License-Identifier: MIT
/**
 * A scenario file to a `Scenario`: YAML, then the schema, then what only the whole can tell. Every complaint names the
 * line and column of the value that is wrong.
 */
import { InputError } from '@bottomhalf/base'
import { isMap, isPair, isScalar, LineCounter, parseDocument, visit, type Document, type Node } from 'yaml'
import type { core } from 'zod'
import { namesInEvent } from './events.js'
import { scenarioSchema, type Scenario } from './schema.js'

type Path = readonly PropertyKey[]

/** Read a scenario. `file` names it in messages. Throws `InputError` for the first thing that is wrong. */
export function parseScenario(text: string, file: string): Scenario {
  const lines = new LineCounter()
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, logLevel: 'error' })
  const fail = (offset: number, found: string, expected: string): never => {
    const { line, col } = lines.linePos(offset)
    throw new InputError({ file, line: Math.max(line, 1), column: Math.max(col, 1) }, found, expected)
  }
  const syntax = document.errors[0]
  if (syntax !== undefined) fail(syntax.pos[0], complaintOfYaml(syntax.code, syntax.message), 'YAML')
  if (document.contents === null) fail(0, 'the scenario is empty', 'a map with `guests`')
  const parsed = scenarioSchema.safeParse(valueOf(document, fail))
  if (!parsed.success) {
    const { path, found, expected, atKey = false } = complaint(parsed.error.issues)
    return fail(offsetOf(document, path, atKey), found, expected)
  }
  const whole = inconsistency(parsed.data)
  if (whole !== undefined) fail(offsetOf(document, whole.path), whole.found, whole.expected)
  return parsed.data
}

function complaintOfYaml(code: string, message: string): string {
  return code === 'MULTIPLE_DOCS' ? 'a second document' : message.split('\n')[0] ?? 'malformed'
}

/** The document as plain data. An alias without its anchor, and too many of them, only show here. */
function valueOf(document: Document.Parsed, fail: (offset: number, found: string, expected: string) => never): unknown {
  try {
    return document.toJS()
  } catch (error) {
    let offset = 0
    visit(document, { Alias: (_, alias) => { offset = alias.range?.[0] ?? 0; return visit.BREAK } })
    return fail(offset, error instanceof Error ? error.message : String(error), 'aliases of anchors that stand before them')
  }
}

interface Complaint { path: Path, found: string, expected: string, atKey?: boolean }

function complaint(issues: readonly core.$ZodIssue[]): Complaint {
  const issue = issues[0]
  if (issue === undefined) return { path: [], found: 'malformed', expected: 'a scenario' }
  const at = issue.path.length === 0 ? 'scenario' : issue.path.map(String).join('.')
  if (issue.code === 'unrecognized_keys') {
    const key = issue.keys[0] ?? ''
    return { path: [...issue.path, key], found: `unknown key '${key}'`, expected: `a known key of ${at}`, atKey: true }
  }
  const expected = issue.message.replace(/^.*?: expected /, '').replace(/, received.*$/, '')
  return { path: issue.path, found: `${at} is not valid`, expected }
}

/** What the schema cannot say: CPUs that exist, names that are unique, and meant by events. */
function inconsistency(scenario: Scenario): Complaint | undefined {
  return guestInconsistency(scenario) ?? eventInconsistency(scenario)
}

function eventInconsistency(scenario: Scenario): Complaint | undefined {
  const known: Record<string, readonly string[]> = {
    guest: scenario.guests.map(({ name }) => name),
    device: scenario.guests.flatMap((guest) => guest.devices.map(({ name }) => `${guest.name}/${name}`)),
    cpu: Array.from({ length: scenario.cpus }, (_, cpu) => String(cpu)),
  }
  for (const [i, event] of scenario.events.entries()) {
    const unknown = namesInEvent(event).find(({ of, name }) => known[of]?.includes(name) !== true)
    if (unknown === undefined) continue
    const names = known[unknown.of] ?? []
    const expected = names.length === 0 ? `a scenario with a ${unknown.of}` : `one of ${names.join(', ')}`
    return { path: ['events', i, ...unknown.path], found: `there is no ${unknown.of} ${unknown.name}`, expected }
  }
  return undefined
}

function guestInconsistency(scenario: Scenario): Complaint | undefined {
  const names = new Set<string>()
  for (const [i, guest] of scenario.guests.entries()) {
    if (guest.cpu >= scenario.cpus) {
      const expected = `0..${scenario.cpus - 1} (cpus: ${scenario.cpus})`
      return { path: ['guests', i, 'cpu'], found: `guest ${guest.name} is on cpu ${guest.cpu}`, expected }
    }
    if (names.has(guest.name)) {
      return { path: ['guests', i, 'name'], found: `a second guest '${guest.name}'`, expected: 'a name of its own' }
    }
    names.add(guest.name)
    const devices = guest.devices.map(({ name }) => name)
    const twice = devices.findIndex((name, k) => devices.indexOf(name) !== k)
    if (twice >= 0) {
      const found = `a second device '${devices[twice]}' of guest ${guest.name}`
      return { path: ['guests', i, 'devices', twice, 'name'], found, expected: 'a name of its own' }
    }
  }
  return undefined
}

/** Where the value (or key) at `path` stands; of what is missing, where its nearest parent stands. */
function offsetOf(document: Document.Parsed, path: Path, atKey = false): number {
  for (let depth = path.length; depth > 0; depth--) {
    const part = path.slice(0, depth)
    const offset = atKey ? keyOffset(document, part) : valueOffset(document, part) ?? keyOffset(document, part)
    if (offset !== undefined) return offset
  }
  return (document.contents as Node | null)?.range?.[0] ?? 0
}

function valueOffset(document: Document.Parsed, path: Path): number | undefined {
  return (document.getIn(path, true) as Node | undefined)?.range?.[0]
}

function keyOffset(document: Document.Parsed, path: Path): number | undefined {
  const parent = path.length === 1 ? document.contents : document.getIn(path.slice(0, -1), true)
  if (!isMap(parent)) return undefined
  const pair = parent.items.find((item) => isPair(item) && isScalar(item.key) && item.key.value === path.at(-1))
  return (pair?.key as Node | undefined)?.range?.[0]
}
