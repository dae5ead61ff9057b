// SPDX-License-Identifier: MIT
/**
 * Which test proves which rule, and which finds which defect of the field: two tables, from the names of the tests.
 *
 *     node tools/rules.mjs --check    every rule and every defect has a test (or a reason), and the tables are fresh
 *     node tools/rules.mjs --write    write docs/rules.md and docs/history.md
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
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

const cell = (files) => [...files].map(([file, names]) =>
  `[${file.replace(/^(packages|apps)\//, '').replace('/test/', '/')}](../${file}): ${escaped(names.join('; '))}`).join('<br>')

function rulesPage(tests) {
  const rows = Object.entries(rules).map(([id, what]) => {
    const files = citing(tests, [id])
    return { id, files, line: `| ${id} | ${what} | ${cell(files)} |` }
  })
  return {
    text: ['# Rules and their tests', '', written, '', '| rule | what | tests |', '| --- | --- | --- |',
      ...rows.map((row) => row.line), ''].join('\n'),
    faults: rows.filter((row) => row.files.size === 0).map((row) => `rule ${row.id}: no test's name cites it`),
  }
}

function historyPage(tests) {
  const rows = defects.map(({ date, ref, also = [], what, breaks, not }) => {
    const files = citing(tests, [ref, ...also])
    const proof = files.size > 0 ? cell(files) : not === undefined ? '' : `cannot be expressed here: ${not}`
    const name = [ref, ...also].join(', ')
    return { ref, proof, line: `| ${date} | ${name} | ${what} | ${breaks} | ${proof} |` }
  })
  return {
    text: ['# Defects that the field had, and what finds them here', '',
      `${written} Each of these tests fails when the defect is put back: a twin in the same file does so.`, '',
      '| date | reference | defect | breaks | found by |', '| --- | --- | --- | --- | --- |',
      ...rows.map((row) => row.line), ''].join('\n'),
    faults: rows.filter((row) => row.proof === '').map((row) => `defect ${row.ref}: no test's name cites it, and no reason is given`),
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
