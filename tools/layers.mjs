// SPDX-License-Identifier: MIT
/**
 * The layers of the tree: the one table that says which package may import which, and why.
 *
 * It drives the lint rule (eslint.config.mjs), the check of every package.json and of the project references, and the
 * diagram in ARCHITECTURE.md.
 *
 *     node tools/layers.mjs --check    every package has a place, every dependency is allowed, the diagram is current
 *     node tools/layers.mjs --write    write the diagram
 *
 * Y1  A package imports only what stands below it, never sideways and never upward.
 * Y2  The tests of a package may also use the engines and the tools, if it stands above all that those import.
 * Y3  Every folder of packages/ and apps/ has exactly one place here.
 */
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

export const scope = '@bottomhalf/'
export const root = fileURLToPath(new URL('..', import.meta.url))

/**
 * Lowest first. `below: true` means: everything in the rows above this one in the table. A list names exactly what may
 * be imported. `planned` has a place, and no folder yet.
 */
export const layers = [
  { layer: 'L0', packages: ['base'], may: [],
    reason: 'errno, BUG, ids and bits mean the same everywhere, so they stand on nothing' },
  { layer: 'L1', packages: ['machine'], may: 'below',
    reason: 'the contract is the only way to memory, CPUs and time, so that an engine can take its place' },
  { layer: 'L2', packages: ['atomics', 'list', 'spinlock'], may: 'below',
    reason: 'primitives know words and nothing of each other: each can be checked and used alone' },
  { layer: 'L3', packages: ['cpu'], may: 'below',
    reason: 'masks, notifiers and IPIs need locks; nothing below may ask which CPUs are online' },
  { layer: 'L4', packages: ['softirq'], may: 'below',
    reason: 'a softirq is a bit of a CPU; it knows "n bits" and none of those who use them' },
  { layer: 'L5', packages: ['tasklet', 'timer', 'rcu'], may: 'below',
    reason: 'three ways to defer work, each one softirq; none needs another' },
  { layer: 'L6', packages: ['domain'], may: 'below',
    reason: 'a domain is counted, dies through RCU and defers through tasklets and timers' },
  { layer: 'L7', packages: ['irq', 'sched'], may: 'below',
    reason: 'both serve domains; delivery meets scheduling only at a vCPU of `domain`' },
  { layer: 'L8', packages: ['hvm'], may: 'below',
    reason: 'virtual interrupt controllers end machine interrupts and wake vCPUs' },
  { layer: 'L9', packages: ['passthrough-io'], may: 'below',
    reason: 'carries a machine interrupt to a virtual one; `irq` and `hvm` call it through registered seams only' },
  { layer: 'L10', packages: ['passthrough-pci'], may: 'below',
    reason: 'moves devices between domains, and tears their interrupts down through passthrough-io' },
  { layer: 'L11', packages: ['hypervisor'], may: 'below',
    reason: 'the front door: hands out softirq numbers, joins the seams, boots in order' },
  { layer: 'L12', packages: ['guest'], may: 'below',
    reason: 'drivers and device models, the two ends that the machinery serves; nothing of it may lean on them' },
  { layer: 'E', packages: ['threads', 'checker'], may: ['base', 'machine'],
    reason: 'an engine drives whatever runs on the contract, so it knows the contract only' },
  { layer: 'E', packages: ['simulator'], may: ['base', 'machine'], planned: true,
    reason: 'an engine, as above' },
  { layer: 'T', packages: ['stepping'], may: [],
    reason: 'a build tool: it reads manifests and types, and runs before anything of ours is built' },
  { layer: 'T', packages: ['trace', 'scenario'], may: ['base'],
    reason: 'readers of files: they give data, never a running machine' },
  { layer: 'T', packages: ['player'], may: ['base', 'checker'],
    reason: 'shows what the checker found; it reads a replay and never drives one' },
  { layer: 'T', packages: ['testkit'], may: ['base', 'machine', 'stepping'],
    reason: 'what tests of many packages share: a memory to run on, an engine of a few lines' },
  { layer: 'T', packages: ['history'], may: 'below',
    reason: 'forms of the protocol take the place of production modules, and the checker runs them: it needs both sides' },
  { layer: 'app', packages: ['host'], may: 'below',
    reason: 'wires hypervisor, engine, devices and guests; wiring only, so it may see everything' },
  { layer: 'app', packages: ['cli'], may: 'below',
    reason: 'the command over the host' },
]

const rowOf = (name) => layers.find((row) => row.packages.includes(name))
const mechanismRow = (row) => /^L\d/.test(row.layer)
const isolated = ['testkit', 'threads', 'checker']

/** Everything with a folder or a place, lowest first. */
export const allNames = layers.flatMap((row) => row.packages)

/** Packages whose source obeys the rules of the machine contract. `base` and `machine` carry it and are freer. */
export const mechanism = layers.filter(mechanismRow).flatMap((row) => row.packages)

/** Folder of a package, relative to the root. */
export const folderOf = (name) => `${rowOf(name).layer === 'app' ? 'apps' : 'packages'}/${name}`

/** Names that the sources of `name` may import (Y1). */
export function mayImport(name) {
  const row = rowOf(name)
  if (row === undefined) throw new Error(`tools/layers.mjs has no place for ${name}`)
  if (Array.isArray(row.may)) return row.may
  const lower = layers.slice(0, layers.indexOf(row))
  return (mechanismRow(row) ? lower.filter(mechanismRow) : lower).flatMap((r) => r.packages)
}

/** Names that its tests and its build may import too (Y2): a tool must not stand on the package that it tests. */
export function mayUseInTests(name) {
  const row = rowOf(name)
  const extra = row.layer === 'T' && name === 'stepping' ? [] : ['stepping']
  if (mechanismRow(row) && !['L0', 'L1'].includes(row.layer)) extra.push(...isolated)
  if (row.layer === 'E') extra.push('testkit')
  return [...new Set([...mayImport(name), ...extra])].filter((other) => other !== name)
}

/** Folders of packages/ and apps/ that hold a package. */
export function presentNames() {
  return ['packages', 'apps'].flatMap((group) =>
    readdirSync(join(root, group)).filter((name) => existsSync(join(root, group, name, 'package.json'))))
}

export const manifestOf = (name) => JSON.parse(readFileSync(join(root, folderOf(name), 'package.json'), 'utf8'))

/** Names of our own packages in one dependency table. */
export function ours(table = {}) {
  return Object.keys(table).filter((id) => id.startsWith(scope)).map((id) => id.slice(scope.length))
}

/** What is wrong with one manifest, one line each. */
export function manifestFaults(name, manifest) {
  const faults = []
  const say = (text) => faults.push(`${folderOf(name)}/package.json: ${text}`)
  const runtime = { ...manifest.dependencies, ...manifest.peerDependencies, ...manifest.optionalDependencies }
  for (const other of ours(runtime)) {
    if (!mayImport(name).includes(other)) say(`${other} does not stand below ${name} (${rowOf(name).reason})`)
  }
  for (const other of ours(manifest.devDependencies)) {
    if (mayUseInTests(name).includes(other)) continue
    say(`tests of ${name} may not use ${other}: it is not below, or stands on ${name}`)
  }
  if (manifest.name !== scope + name) say(`name is ${manifest.name}, expected ${scope}${name}`)
  return faults
}

/** The diagram of ARCHITECTURE.md, top layer first. */
export function diagram() {
  const label = (row) => row.packages.join(', ') + (row.planned ? ' (planned)' : '')
  const line = (row) => `| ${row.layer} | ${label(row)} | ${allowance(row)} | ${row.reason} |`
  const rows = [...layers.filter((r) => !mechanismRow(r)).reverse(), ...layers.filter(mechanismRow).reverse()]
  return ['| layer | packages | may import | because |', '| --- | --- | --- | --- |', ...rows.map(line)].join('\n')
}

function allowance(row) {
  if (Array.isArray(row.may)) return row.may.join(', ') || 'nothing of ours'
  if (!mechanismRow(row)) return 'everything below'
  return row.layer === 'L1' ? 'L0' : `L0 to L${Number(row.layer.slice(1)) - 1}`
}

const begin = '<!-- layers: written by `node tools/layers.mjs --write` -->'
const end = '<!-- layers end -->'

/** `text` with the block between the markers replaced; undefined without markers. */
export function withDiagram(text) {
  const from = text.indexOf(begin)
  const to = text.indexOf(end)
  if (from < 0 || to < from) return undefined
  return `${text.slice(0, from + begin.length)}\n\n${diagram()}\n\n${text.slice(to)}`
}

function placeFaults() {
  const present = presentNames()
  const isPresent = (name) => present.includes(name)
  const planned = layers.filter((row) => row.planned).flatMap((row) => row.packages)
  const built = allNames.filter((name) => !planned.includes(name))
  return [
    ...present.filter((name) => !allNames.includes(name)).map((name) => `${name}: no place in tools/layers.mjs`),
    ...built.filter((name) => !isPresent(name)).map((name) => `${name}: has a place in tools/layers.mjs and no folder`),
    ...planned.filter(isPresent).map((name) => `${name}: is there, so it is not planned any more`),
  ]
}

function diagramFaults(file) {
  if (!existsSync(file)) return ['ARCHITECTURE.md is missing']
  const text = readFileSync(file, 'utf8')
  const wanted = withDiagram(text)
  if (wanted === undefined) return [`ARCHITECTURE.md: the markers are missing: ${begin} ... ${end}`]
  return wanted === text ? [] : ['ARCHITECTURE.md: the diagram is stale: node tools/layers.mjs --write']
}

function main(mode) {
  const architecture = join(root, 'ARCHITECTURE.md')
  if (mode === '--write') {
    const text = existsSync(architecture) ? readFileSync(architecture, 'utf8') : `# Architecture\n\n${begin}\n${end}\n`
    writeFileSync(architecture, withDiagram(text) ?? `${text}\n${begin}\n\n${diagram()}\n\n${end}\n`)
    return 0
  }
  if (mode !== '--check') {
    console.error('usage: node tools/layers.mjs --check | --write')
    return 2
  }
  const known = presentNames().filter((name) => allNames.includes(name))
  const faults = [
    ...placeFaults(),
    ...known.flatMap((name) => manifestFaults(name, manifestOf(name))),
    ...diagramFaults(architecture),
  ]
  for (const fault of faults) console.error(fault)
  return faults.length > 0 ? 1 : 0
}

if (process.argv[1] === fileURLToPath(import.meta.url)) process.exitCode = main(process.argv[2])
