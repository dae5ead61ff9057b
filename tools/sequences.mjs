// SPDX-License-Identifier: MIT
/**
 * 10 000 random sequences against the whole machine (packages/guest/test/sequences.check.ts), a part on each core.
 *
 *     node tools/sequences.mjs [COUNT] [SEED]
 */
import { spawn } from 'node:child_process'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { root } from './layers.mjs'

const [count = '10000', seed = '1000'] = process.argv.slice(2)
const parts = Math.min(availableParallelism(), 8)

function part(n) {
  const env = {
    ...process.env,
    BOTTOMHALF_SEQUENCES: String(Math.ceil(Number(count) / parts)), BOTTOMHALF_SEED: String(Number(seed) + n),
  }
  const vitest = join(root, 'node_modules', '.bin', 'vitest')
  const child = spawn(vitest, ['run', 'test/sequences.check.ts', '--reporter=dot', '-t', 'random sequences'],
    { cwd: join(root, 'packages', 'guest'), env, stdio: ['ignore', 'pipe', 'pipe'] })
  const output = []
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (data) => output.push(data))
  return new Promise((resolve) => {
    child.on('close', (code) => {
      if (code !== 0) process.stderr.write(Buffer.concat(output))
      resolve(code ?? 1)
    })
  })
}

const codes = await Promise.all(Array.from({ length: parts }, (_, n) => part(n)))
const isClean = codes.every((code) => code === 0)
if (isClean) console.log(`sequences: ${count} random sequences from seed ${seed}, nothing found`)
process.exitCode = isClean ? 0 : 1
