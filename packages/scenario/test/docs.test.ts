// SPDX-License-Identifier: MIT
// docs/SCENARIO.md is the reference; the schema is compared with it.
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { z } from 'zod'
import { actionNames, scenarioSchema } from '../src/index.js'

const docs = readFileSync(new URL('../../../docs/SCENARIO.md', import.meta.url), 'utf8')

/** First cells of the rows of all tables. */
const documented = [...docs.matchAll(/^\| `([\w.]+)` \|/gm)].map((row) => row[1] ?? '')

interface Shape { properties?: Record<string, Shape>, items?: Shape, anyOf?: Shape[] }

/** Every key that may be written, with those above it: `guests.devices.name`. */
function keys(shape: Shape, above = ''): string[] {
  const inside = [...shape.items === undefined ? [] : [shape.items], ...shape.anyOf ?? []]
  const own = Object.entries(shape.properties ?? {}).flatMap(([key, value]) => [above + key, ...keys(value, `${above}${key}.`)])
  return [...own, ...inside.flatMap((one) => keys(one, above))]
}

test('every key of the schema stands in docs/SCENARIO.md, and no other', () => {
  const written = keys(z.toJSONSchema(scenarioSchema, { io: 'input', unrepresentable: 'any' }) as Shape)
  expect(written.length).toBeGreaterThan(30)
  expect([...documented].sort()).toEqual([...new Set(written)].sort())
})

test('every action of an event is documented', () => {
  for (const name of actionNames) expect(documented).toContain(`events.${name}`)
})
