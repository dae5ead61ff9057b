// SPDX-License-Identifier: MIT
/**
 * Nothing in the lockfile may name a host: it has to install through any mirror. A mirror that serves tarballs from
 * unusual paths makes pnpm write their addresses, whatever `lockfileIncludeTarballUrl` says.
 *
 *     node tools/lockfile.mjs [FILE]
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { root } from './layers.mjs'

/** Lines with an address, `[number, text]`. What a package says in its deprecation notice is its own affair. */
export function addresses(text) {
  return text.split('\n').map((line, i) => [i + 1, line.trim()])
    .filter(([, line]) => /\btarball:|https?:\/\//.test(line) && !line.startsWith('deprecated:'))
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const file = process.argv[2] ?? join(root, 'pnpm-lock.yaml')
  const found = addresses(readFileSync(file, 'utf8'))
  for (const [number, line] of found) console.error(`${file}:${number}: ${line}`)
  process.exitCode = found.length > 0 ? 1 : 0
}
