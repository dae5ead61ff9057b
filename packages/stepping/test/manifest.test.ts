// SPDX-License-Identifier: MIT
/** What suspends is known across packages: by manifest, export condition, subpath, re-export and `#name`. */
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { build } from 'esbuild'
import { expect, test } from 'vitest'
import { steppedEsbuild, transformProgram } from '../src/index.js'
import type { Manifest } from '../src/index.js'
import { load, packageWith, placesOf, PRELUDE, transform, writeFiles } from './support.js'
import type { Files } from './support.js'

const target = (entry: string): object => ({
  stepped: { types: `./dist/${entry}.d.ts`, default: `./dist-stepped/${entry}.js` },
  types: `./dist/${entry}.d.ts`,
  default: `./dist/${entry}.js`,
})

/** Put a package into node_modules, both builds of it made; returns its manifest. */
async function install(root: string, name: string, files: Files, entries = ['index']): Promise<Manifest> {
  const folder = join(root, 'node_modules', name)
  const exports = Object.fromEntries(entries.map((each) => [each === 'index' ? '.' : `./${each}`, target(each)]))
  const manifest = JSON.stringify({ name, type: 'module', exports })
  writeFiles(folder, { 'package.json': manifest, 'tsconfig.json': '{}', ...files })
  for (const out of ['dist', 'dist-stepped']) {
    await build({
      absWorkingDir: folder, outdir: join(folder, out), entryPoints: entries.map((each) => `src/${each}.ts`),
      bundle: true, format: 'esm', packages: 'external', logLevel: 'silent',
      plugins: out === 'dist' ? [] : [steppedEsbuild()],
    })
  }
  return JSON.parse(readFileSync(join(folder, 'dist-stepped/stepping.json'), 'utf8')) as Manifest
}

const entry = `export { drive, log, words } from '@fixture/machine'\nexport * as subject from './subject.js'\n`

const library: Files = {
  'src/index.ts': `${PRELUDE}
    export * from './queue.js'
    export * as deep from './queue.js'
    export { size as count } from './queue.js'
    export { ld as read, call } from '@fixture/machine'
    export const plain = (x: number): number => x + 1
    export type { Susp }`,
  'src/queue.ts': `${PRELUDE}
    export class Queue {
      readonly at: number = 1
      static open(): Queue { st(1, 4); return new Queue() }
      push(n: number): number { return add(this.at, n) }
      get name(): string { return 'q' }
    }
    export function size(q: Queue): number { return ld(q.at) }
    export const each = (n: number, fn: Susp<(x: number) => void>): void => {
      for (let i = 0; i < n; i++) fn(i)
    }`,
}

test('a manifest names exports as importers see them: renamed, re-exported, methods, members', async () => {
  const manifest = await install(packageWith({}), 'lib-queue', library)
  expect(manifest).toEqual({
    version: 1,
    exports: {
      '.': {
        access: ['read'],
        suspends: [
          'Queue#push', 'Queue.open', 'call', 'count',
          'deep.Queue#push', 'deep.Queue.open', 'deep.each', 'deep.size', 'each', 'size',
        ],
      },
    },
  })
})

test('a package that stands on another steps through it, and both builds do the same', async () => {
  const root = packageWith({
    'src/index.ts': entry,
    'src/subject.ts': `
      import { Queue, count, each, read, plain, deep } from 'lib-queue'
      import * as all from 'lib-queue'
      export function f(): unknown {
        const q = Queue.open()
        each(3, (x) => { q.push(x) })
        return [count(q), all.size(q), deep.size(q), plain(read(1)), all.read(1), all.call((x) => read(x), 1)]
      }`,
  })
  await install(root, 'lib-queue', library)
  const native = (await load(root, 'native')).run('f')
  const stepped = (await load(root, 'stepped')).run('f')
  expect(native.value).toEqual([7, 7, 7, 8, 7, 7])
  expect(native.log).toHaveLength(10)
  expect(stepped).toEqual(native)
})

test('who re-exports operations exports stepResult too, so its importers need not know the machine', async () => {
  const root = packageWith({
    'src/index.ts': entry,
    'src/subject.ts': `import { read } from 'lib-queue'\nexport const f = (): number => read(2) + read(3)\n`,
  })
  await install(root, 'lib-queue', library)
  const { files } = transformProgram({ root, entries: ['src/index.ts'] })
  const code = files.get(join(root, 'src/subject.ts'))?.code
  expect(code).toContain(`import { stepResult as __stepResult } from 'lib-queue'`)
  expect((await load(root, 'stepped')).run('f').log).toHaveLength(2)
})

test('declarations serve as well as sources, and `paths` go before both', async () => {
  const root = packageWith({
    'src/index.ts': `import { size } from 'lib-queue'\nexport const f = (): number => size()\n`,
    'node_modules/elsewhere/queue.ts': 'export const size = (): number => 1\n',
  })
  await install(root, 'lib-queue', { 'src/index.ts': `${PRELUDE}export const size = (): number => ld(1)\n` })
  const suspends = (): readonly string[] | undefined =>
    transformProgram({ root, entries: ['src/index.ts'] }).manifest.exports['.']?.suspends
  expect(suspends()).toEqual(['f'])
  rmSync(join(root, 'node_modules/lib-queue/src'), { recursive: true })
  writeFileSync(join(root, 'node_modules/lib-queue/dist/index.d.ts'), 'export declare const size: () => number\n')
  expect(suspends()).toEqual(['f'])
  rmSync(join(root, 'node_modules/lib-queue/dist/index.d.ts'))
  const paths = { 'lib-queue': ['./node_modules/elsewhere/queue.ts'] }
  writeFileSync(join(root, 'tsconfig.json'), JSON.stringify({ compilerOptions: { paths } }))
  expect(suspends()).toEqual(['f'])
})

test('every entry of a package has its own part of the manifest', async () => {
  const root = packageWith({
    'src/index.ts': `
      import { a } from 'lib-two'
      import { b } from 'lib-two/io'
      export const f = (): number => a(1)
      export const g = (): number => b(1)`,
  })
  const manifest = await install(root, 'lib-two', {
    'src/index.ts': 'export const a = (x: number): number => x\n',
    'src/io.ts': `${PRELUDE}export const b = (x: number): number => ld(x)\n`,
  }, ['index', 'io'])
  expect(manifest.exports).toEqual({ '.': { access: [], suspends: [] }, './io': { access: [], suspends: ['b'] } })
  expect(transformProgram({ root, entries: ['src/index.ts'] }).manifest.exports['.']?.suspends).toEqual(['g'])
})

test('a package without a stepped form is plain', () => {
  const { manifest, diagnostics } = transform({
    'src/index.ts': `import { a } from 'lib-plain'\nexport const f = (): number => a(1)\n`,
    'node_modules/lib-plain/package.json': '{ "name": "lib-plain", "type": "module", "exports": "./index.js" }',
    'node_modules/lib-plain/index.js': 'export const a = (x) => x\n',
    'node_modules/lib-plain/index.d.ts': 'export declare const a: (x: number) => number\n',
  })
  expect(diagnostics).toEqual([])
  expect(manifest.exports['.']?.suspends).toEqual([])
})

const broken: readonly [string, string | undefined, RegExp][] = [
  ['missing', undefined, /has no stepping.json in /],
  ['not JSON', '{', /expected a manifest of version 1, found version undefined/],
  ['of another version', '{"version":2,"exports":{}}', /expected a manifest of version 1, found version 2/],
  ['without lists', '{"version":1,"exports":{".":{"access":[]}}}', /expected "exports" with lists "access" and "suspends"/],
  ['without the entry', '{"version":1,"exports":{}}', /knows no entry \./],
]

test.each(broken)('STEP-19: a manifest that is %s is refused at the import', (_, text, message) => {
  const { diagnostics } = transform({
    'src/index.ts': `export const b = 1\nimport { a } from 'lib-dark'\nexport const f = (): number => a(b)\n`,
    'node_modules/lib-dark/package.json': JSON.stringify({ name: 'lib-dark', exports: { '.': target('index') } }),
    'node_modules/lib-dark/dist/index.d.ts': 'export declare const a: (x: number) => number\n',
    ...(text === undefined ? {} : { 'node_modules/lib-dark/dist-stepped/stepping.json': text }),
  })
  expect(placesOf(diagnostics)).toEqual(['2:19 STEP-19'])
  expect(diagnostics[0]?.found).toMatch(message)
})

test('STEP-19: an entry cannot export the operations of two machines', () => {
  const { diagnostics } = transform(
    {
      'src/index.ts': `export { ld } from '@fixture/machine'\nexport { read } from './own.js'\n`,
      'src/own.ts': 'export declare const read: () => number\n',
    },
    { access: { 'src/own.ts': { access: ['read'], suspends: [] } } },
  )
  expect(placesOf(diagnostics)).toEqual(['1:1 STEP-19'])
})

test('a machine may be a module of the package, named in the options', () => {
  const { files, root, diagnostics } = transform({
    'src/index.ts': `import { read } from './machine/own.js'\nexport const f = (): number => read() + 1\n`,
    'src/machine/own.ts': `
      let n = 0
      export const read = (): number => n++
      export const stepResult = (): number => n`,
  }, { access: { './src/machine/own.ts': { access: ['read'], suspends: [] } }, mechanism: true })
  expect(diagnostics).toEqual([])
  expect([...files.keys()]).toEqual([join(root, 'src/index.ts')])
  expect(files.get(join(root, 'src/index.ts'))?.code).toBe(
    `import { stepResult as __stepResult } from './machine/own.js'; import { read } from './machine/own.js'\n`
    + 'export const f = (function* (): number { return ( (read() ? yield : __stepResult()) + 1) });\n',
  )
})

const variants: Files = {
  'package.json': JSON.stringify({
    name: 'subject', type: 'module',
    imports: { '#form': {
      other: { stepped: './dist-stepped/formOther.js', default: './dist/formOther.js' },
      default: { stepped: './dist-stepped/formDefault.js', default: './dist/formDefault.js' },
    } },
  }),
  'src/formDefault.ts': `${PRELUDE}
    export const run = (x: number): number => x
    export const stop = (): number => 0`,
  'src/formOther.ts': `${PRELUDE}
    export const run = (x: number): number => ld(x)
    export const stop = (): number => 0`,
  'src/index.ts': `
    import { run, stop } from '#form'
    export const f = (): number => run(1)
    export const g = (): number => stop()`,
}

test('the modules that a #name chooses from suspend alike: one caller fits them all', () => {
  const { manifest, files, root, diagnostics } = transform(variants)
  expect(diagnostics).toEqual([])
  expect(manifest.exports['.']?.suspends).toEqual(['f'])
  expect(files.get(join(root, 'src/formDefault.ts'))?.code).toContain('export const run = (function* (x: number)')
  expect(files.has(join(root, 'src/formOther.ts'))).toBe(true)
})

test('a module of its own name is not among them: what nothing chooses may differ', () => {
  const alone = { ...variants, 'package.json': variants['package.json']!.replaceAll('formOther', 'formDefault') }
  expect(transform(alone).manifest.exports['.']?.suspends).toEqual([])
})
