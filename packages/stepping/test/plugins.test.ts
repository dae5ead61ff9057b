// SPDX-License-Identifier: MIT
/** The plugins: complaints with places, manifests beside the output, and rebuilds that miss no change. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { SourceMap } from 'node:module'
import { join } from 'node:path'
import { build, context } from 'esbuild'
import type { BuildFailure, BuildOptions } from 'esbuild'
import { createServer } from 'vite'
import type { ViteDevServer } from 'vite'
import { afterEach, expect, test } from 'vitest'
import { steppedEsbuild, steppedVite } from '../src/index.js'
import type { SteppedViteOptions } from '../src/index.js'
import { packageWith, PRELUDE, writeFiles } from './support.js'
import type { Files } from './support.js'

const files: Files = {
  'src/index.ts': `export { size } from './size.js'\nexport { walk } from './walk.js'\n`,
  'src/size.ts': `${PRELUDE}export const size = (p: number): number => p\n`,
  'src/walk.ts': `
    import { size } from './size.js'
    export function walk(p: number): number {
      return size(p) + 1
    }`,
}
const sizeThatReads = `${PRELUDE}export const size = (p: number): number => ld(p)\n`
const sizeThatBreaks = `${PRELUDE}export const size = (p: number): number => p\nexport const boot = ld(1)\n`

const options = (root: string): BuildOptions => ({
  absWorkingDir: root, entryPoints: ['src/index.ts'], outdir: 'out', bundle: true, format: 'esm', packages: 'external',
  logLevel: 'silent', plugins: [steppedEsbuild()],
})

const manifestIn = (root: string): unknown => JSON.parse(readFileSync(join(root, 'out/stepping.json'), 'utf8'))

test('esbuild: a rebuild sees what has changed, also in modules that stayed as they were', async () => {
  const root = packageWith(files)
  const watching = await context(options(root))
  await watching.rebuild()
  expect(readFileSync(join(root, 'out/index.js'), 'utf8')).toContain('function walk')
  expect(manifestIn(root)).toEqual({ version: 1, exports: { '.': { access: [], suspends: [] } } })
  writeFileSync(join(root, 'src/size.ts'), sizeThatReads)
  await watching.rebuild()
  expect(readFileSync(join(root, 'out/index.js'), 'utf8')).toContain('function* walk')
  expect(manifestIn(root)).toEqual({ version: 1, exports: { '.': { access: [], suspends: ['size', 'walk'] } } })
  await watching.dispose()
})

test('esbuild: complaints are errors with file, line and column, and no manifest is written', async () => {
  const root = packageWith({ ...files, 'src/size.ts': sizeThatBreaks })
  const failure = await build(options(root)).then(() => undefined, (error: unknown) => error as BuildFailure)
  const found = 'STEP-1: module top level calls `ld`, which is a shared access; do it in a function that boot calls'
  expect(failure?.errors).toMatchObject([{
    pluginName: 'stepping', text: found,
    location: { file: 'src/size.ts', line: 2, column: 20, length: 5, lineText: 'export const boot = ld(1)' },
  }])
  expect(existsSync(join(root, 'out/stepping.json'))).toBe(false)
})

test('esbuild: a package below the root is another one: it is neither held to the rules nor transformed', async () => {
  const root = packageWith({
    'tsconfig.json': '{ "compilerOptions": { "paths": { "inner": ["./packages/inner/src/index.ts"] } } }',
    'packages/inner/package.json': '{ "name": "inner", "exports": "./src/index.ts" }',
    'packages/inner/src/index.ts': 'const known = new Map<number, number>()\nexport const look = (n: number): number => known.get(n) ?? 0\n',
    'src/index.ts': `${PRELUDE}import { look } from 'inner'\nexport const read = (p: number): number => look(ld(p))\n`,
  })
  await build(options(root))
  expect(manifestIn(root)).toEqual({ version: 1, exports: { '.': { access: [], suspends: ['read'] } } })
})

test('esbuild: entries by name or by list lie under the subpaths that they are built as', async () => {
  const exports = { './input': { stepped: './any/deep/size.js', default: './x.js' } }
  const root = packageWith({ ...files, 'package.json': JSON.stringify({ name: 'subject', exports }) })
  await build({ ...options(root), entryPoints: { index: 'src/walk.ts', 'deep/io': 'src/size.ts' } })
  await build({ ...options(root), entryPoints: [{ in: 'src/walk.ts', out: 'walk' }], outdir: 'other' })
  expect(Object.keys((manifestIn(root) as { exports: object }).exports)).toEqual(['.', './deep/io'])
  const other = JSON.parse(readFileSync(join(root, 'other/stepping.json'), 'utf8')) as { exports: object }
  expect(Object.keys(other.exports)).toEqual(['./walk'])
  writeFiles(root, { 'src/deep/size.ts': sizeThatReads, 'src/top.ts': 'export const top = 1\n' })
  await build({ ...options(root), entryPoints: ['src/deep/size.ts', 'src/top.ts'] })
  expect(manifestIn(root)).toMatchObject({ exports: { './input': { suspends: ['size'] }, './top': { suspends: [] } } })
})

test('esbuild: sources are held to the rules of mechanism code unless said otherwise', async () => {
  const root = packageWith({ ...files, 'src/size.ts': 'let n = 0\nexport const size = (): number => n++\n' })
  await expect(build(options(root))).rejects.toThrow('STEP-30')
  await build({ ...options(root), plugins: [steppedEsbuild({ mechanism: false })] })
})

const servers: ViteDevServer[] = []

afterEach(async () => {
  for (const server of servers.splice(0)) await server.close()
})

async function serve(root: string, more: SteppedViteOptions = {}): Promise<(path: string) => Promise<string>> {
  const server = await start(root, more)
  return async (path) => (await server.transformRequest(`/${path}`, { ssr: true }))?.code ?? ''
}

async function start(root: string, more: SteppedViteOptions): Promise<ViteDevServer> {
  const server = await createServer({
    root, configFile: false, logLevel: 'silent', plugins: [steppedVite(more)], appType: 'custom',
    server: { middlewareMode: true, ws: false, watch: { usePolling: true, interval: 20 } },
    optimizeDeps: { noDiscovery: true },
  })
  servers.push(server)
  return server
}

/** Ask until the answer fits: a watcher takes its time. */
async function eventually(ask: () => Promise<string>, fits: (text: string) => boolean): Promise<string> {
  for (;;) {
    const text = await ask()
    if (fits(text)) return text
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

const models: Files = {
  ...files,
  'src/size.ts': sizeThatReads,
  'test/three.model.ts': `
    import { walk } from '../src/index.js'
    let seen = 0
    export const thread = () => { seen += walk(1) }
    export const n = () => seen`,
  'test/plain.test.ts': `import { walk } from '../src/index.js'\nexport const f = () => walk(1)\n`,
}

test('vite: sources and models are stepped, tests stay as they are, and models may keep state', async () => {
  const ask = await serve(packageWith(models))
  expect(await ask('src/walk.ts')).toContain('function* walk')
  expect(await ask('test/three.model.ts')).toMatch(/seen \+= \(?yield\*/)
  expect(await ask('test/plain.test.ts')).not.toContain('yield')
})

test('vite: the map of what is served leads to the call as written', async () => {
  const root = packageWith({ ...files, 'src/size.ts': sizeThatReads })
  const result = await (await start(root, {})).transformRequest('/src/walk.ts', { ssr: true })
  const lines = result?.code.split('\n') ?? []
  const line = lines.findIndex((each) => each.includes('yield*'))
  const map = new SourceMap({ ...result?.map, sourceRoot: '' } as never)
  const entry = map.findEntry(line, lines[line]?.indexOf('yield*') ?? 0)
  const written = files['src/walk.ts']?.split('\n')[3]
  expect(entry).toMatchObject({ originalLine: 3, originalColumn: written?.indexOf('size(p)') })
})

test('vite: a change in one module reaches the modules that call it', async () => {
  const root = packageWith(files)
  const ask = await serve(root)
  expect(await ask('src/walk.ts')).not.toContain('function* walk')
  writeFileSync(join(root, 'src/size.ts'), sizeThatReads)
  const text = await eventually(() => ask('src/walk.ts'), (code) => code.includes('function* walk'))
  expect(text).toContain('yield*')
})

test('vite: a new module is taken in', async () => {
  const root = packageWith(files)
  const ask = await serve(root)
  await ask('src/walk.ts')
  writeFiles(root, { 'test/late.model.ts': `${PRELUDE}export const f = () => ld(1)\n` })
  expect(await ask('test/late.model.ts')).toContain('? yield :')
})

test('vite: complaints come with place and frame, whichever module was asked for', async () => {
  const root = packageWith({ ...files, 'src/size.ts': sizeThatBreaks })
  const ask = await serve(root)
  const error = await ask('src/walk.ts').then(() => undefined, (failure: unknown) => failure)
  expect(error).toMatchObject({
    message: expect.stringContaining('src/size.ts:2:21: STEP-1: module top level calls `ld`') as unknown,
    loc: { file: join(root, 'src/size.ts'), line: 2, column: 20 },
    frame: `export const boot = ld(1)\n${' '.repeat(20)}^`,
  })
})

test('vite: what is not included counts as plain code', async () => {
  const root = packageWith({
    ...models,
    'src/size.ts': `${PRELUDE}
      let n = ld(0)
      export const size = (p: number, fn?: Susp<() => number>): number => p + n + (fn?.() ?? 0)`,
    'test/three.model.ts': `${PRELUDE}
      import { size } from '../src/index.js'
      export const f = () => size(1, () => 2) + ld(1)`,
  })
  const ask = await serve(root, { entries: [], include: (path) => path.endsWith('.model.ts') })
  expect(await ask('src/size.ts')).not.toContain('yield')
  const model = await ask('test/three.model.ts')
  expect(model).toMatch(/size\)?\(1, \(?function\*/)
  expect(model).not.toContain('yield*')
})
