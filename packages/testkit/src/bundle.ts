// SPDX-License-Identifier: MIT
/**
 * Modules for worker threads, written in TypeScript beside the tests that start them: Node 20 loads JavaScript only.
 */
import { createHash } from 'node:crypto'
import { mkdir, rename, writeFile } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { build } from 'esbuild'

/**
 * The URL of a module that Node can load. TypeScript is bundled with its relative imports into node_modules of the package
 * whose test folder it stands in, under the conditions that its threads will have; packages stay imports. JavaScript is
 * returned as it is.
 */
export async function loadable(module: URL, conditions: readonly string[] = []): Promise<URL> {
  const path = fileURLToPath(module)
  if (!path.endsWith('.ts')) return module
  const code = await bundle(path, conditions)
  const hash = createHash('sha256').update(code).digest('hex').slice(0, 12)
  const folder = join(dirname(path), '..', 'node_modules', '.testkit')
  const file = join(folder, `${basename(path, '.ts')}-${hash}.mjs`)
  await mkdir(folder, { recursive: true })
  await writeFile(`${file}.${process.pid}`, code)
  await rename(`${file}.${process.pid}`, file)
  return pathToFileURL(file)
}

async function bundle(path: string, conditions: readonly string[]): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [path], bundle: true, packages: 'external', write: false, format: 'esm', platform: 'node',
    target: 'node20', sourcemap: 'inline', logLevel: 'silent', conditions: [...conditions],
    // the workspace's path aliases would bundle sources of other packages
    tsconfigRaw: {},
  })
  return outputFiles[0]?.text ?? ''
}
