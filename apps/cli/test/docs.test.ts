// SPDX-License-Identifier: MIT
// docs/CLI.md is the contract; the program is compared with it.
import { readFileSync } from 'node:fs'
import type { Command, Option } from 'commander'
import { describe, expect, test } from 'vitest'
import { ExitCode } from '../src/exitCodes.js'
import { createProgram } from '../src/program.js'

const docs = readFileSync(new URL('../../../docs/CLI.md', import.meta.url), 'utf8')
const program = createProgram(() => undefined)

/** Commands that do something, with the words that name them. */
const commands = program.commands.flatMap((command): [string, Command][] => command.commands.length === 0
  ? [[command.name(), command]]
  : command.commands.map((sub) => [`${command.name()} ${sub.name()}`, sub]))

/** The part of the document below a `## bottomhalf NAME` heading. */
function section(name: string): string {
  const start = docs.indexOf(`## bottomhalf ${name}`)
  expect(start, `docs/CLI.md has no heading for ${name}`).toBeGreaterThan(0)
  const next = docs.indexOf('\n## ', start + 1)
  return docs.slice(start, next < 0 ? undefined : next)
}

/** First cells of the rows of the table below a `### TITLE` heading. */
function rows(text: string, title: string): string[] {
  const table = text.slice(text.indexOf(`### ${title}`)).split('\n\n').find((block) => block.startsWith('|')) ?? ''
  return table.trimEnd().split('\n').slice(2).map((row) => (row.split('|')[1] ?? '').trim())
}

const flagsOf = (option: Option): string => `\`${option.flags}\``
const helpRow = '`-h, --help`'

describe.each(commands)('%s', (name, command) => {
  test('has a section with exactly its options', () => {
    const documented = rows(section(name), 'Options').sort()
    expect(documented).toEqual([...command.options.map(flagsOf), helpRow].sort())
  })

  test('defaults and choices stand in their option\'s row', () => {
    for (const option of command.options) {
      const row = section(name).split('\n').find((line) => line.startsWith(`| ${flagsOf(option)}`)) ?? ''
      for (const choice of option.argChoices ?? []) expect(row).toContain(`\`${choice}\``)
      if (typeof option.defaultValue === 'string') expect(row).toContain(`\`${option.defaultValue}\``)
    }
  })

  test('its help names every option', () => {
    const help = command.helpInformation()
    for (const option of command.options) expect(help).toContain(option.long)
  })
})

test('every exit code is documented, and no other', () => {
  const table = docs.slice(docs.indexOf('## Exit codes'), docs.indexOf('## bottomhalf run'))
  const codes = table.split('\n').filter((line) => /^\| \d/.test(line))
    .flatMap((line) => (line.split('|')[1] ?? '').split(',').map(Number))
  expect(codes.sort((a, b) => a - b)).toEqual(Object.values(ExitCode).sort((a, b) => a - b))
})
