// SPDX-License-Identifier: MIT
/**
 * Which test proves which rule, and which finds which defect of the field: two pages, from the names of the tests.
 *
 *     node tools/rules.mjs --check    every rule and every defect has a test (or a reason), and the pages are fresh
 *     node tools/rules.mjs --write    write docs/rules.md and docs/history.md
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { defects as modelled } from '../packages/history/dist/index.js'
import { root } from './layers.mjs'
import { allTests, cites } from './rules/citations.mjs'
import { defects, rules } from './rules/spec.mjs'

const written = 'Written by `node tools/rules.mjs --write` from the names of the tests.'

/** The tests that cite an id, a list of names for each file. */
function citing(tests, ids) {
  const files = new Map()
  for (const { file, name } of tests) {
    if (ids.some((id) => cites(name, id))) files.set(file, [...files.get(file) ?? [], name])
  }
  return files
}

const escaped = (text) => text.replaceAll('|', '\\|').replaceAll('<', '&lt;')

const link = (file) => `[${file.replace(/^(packages|apps)\//, '').replace('/test/', '/')}](../${file})`

function rulesPage(tests) {
  const sections = Object.entries(rules).map(([id, what]) => {
    const files = citing(tests, [id])
    const lines = [...files].flatMap(([file, names]) => [`- ${link(file)}`, ...names.map((name) => `  - ${escaped(name)}`)])
    return { id, files, lines: [`## ${id}`, '', `${what[0].toUpperCase()}${what.slice(1)}.`, '', ...lines, ''] }
  })
  return {
    text: ['# Rules and their tests', '', written, '', ...sections.flatMap((section) => section.lines)].join('\n'),
    faults: sections.filter(({ files }) => files.size === 0).map(({ id }) => `rule ${id}: no test's name cites it`),
  }
}

/** What finds a defect: forms of the past in which a model shows it, and tests that cite it. */
function proofOf(tests, { ref, also = [], not }) {
  const shown = modelled.filter(({ id }) => also.includes(id))
    .map(({ id, foundIn, model }) => `\`bottomhalf history --defect ${id}\`: model ${model}, forms ${foundIn.join(', ')}`)
  const cited = [...citing(tests, [ref, ...also])].map(([file, names]) => `${link(file)}: ${escaped(names.join('; '))}`)
  const found = [...shown, ...cited]
  return found.length > 0 || not === undefined ? found : [`cannot be expressed here: ${not}`]
}

function historyPage(tests) {
  const rows = defects.map((defect) => {
    const { date, ref, also = [], what, breaks } = defect
    const proof = proofOf(tests, defect)
    return { ref, proof, line: `| ${date} | ${[ref, ...also].join(', ')} | ${what} | ${breaks} | ${proof.join('<br>')} |` }
  })
  return {
    text: ['# Defects that the field had, and what finds them here', '',
      `${written} Each of these tests fails when the defect is put back: a twin in the same file, or a form of the past, does so.`, '',
      '| date | reference | defect | breaks | found by |', '| --- | --- | --- | --- | --- |',
      ...rows.map((row) => row.line), ''].join('\n'),
    faults: rows.filter(({ proof }) => proof.length === 0)
      .map(({ ref }) => `defect ${ref}: no test's name cites it, and no reason is given`),
  }
}

/** Both pages: what they say, and what is missing. */
export function pages(tests = allTests()) {
  return [{ file: 'docs/rules.md', ...rulesPage(tests) }, { file: 'docs/history.md', ...historyPage(tests) }]
}

function main(mode) {
  if (mode !== '--check' && mode !== '--write') {
    console.error('usage: node tools/rules.mjs --check | --write')
    return 2
  }
  const faults = []
  for (const { file, text, faults: missing } of pages()) {
    const path = join(root, file)
    faults.push(...missing)
    if (mode === '--write') writeFileSync(path, text)
    else if (!existsSync(path) || readFileSync(path, 'utf8') !== text) faults.push(`${file}: stale: node tools/rules.mjs --write`)
  }
  for (const fault of faults) console.error(fault)
  return mode === '--check' && faults.length > 0 ? 1 : 0
}

if (process.argv[1] === fileURLToPath(import.meta.url)) process.exitCode = main(process.argv[2])
