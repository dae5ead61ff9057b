// SPDX-License-Identifier: MIT
/** The reference in C, built where there is a compiler: a process that runs as many turns as it is told and says how long. */
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

/**
 * Start the reference; undefined where there is no compiler. `loop(name)` is a loop for `nsPerTurn`, one under way at a
 * time; `close` ends the process.
 */
export function startReference() {
  const folder = mkdtempSync(join(tmpdir(), 'bottomhalf-bench-'))
  const binary = join(folder, 'reference')
  const source = fileURLToPath(new URL('./c/reference.c', import.meta.url))
  const built = spawnSync('gcc', ['-O2', source, '-o', binary], { stdio: ['ignore', 'ignore', 'inherit'] })
  if (built.status !== 0) {
    process.stderr.write('bench: no C compiler here: rows against C have no ratio\n')
    rmSync(folder, { recursive: true, force: true })
    return undefined
  }
  const child = spawn(binary, { stdio: ['pipe', 'pipe', 'inherit'] })
  const lines = createInterface({ input: child.stdout })
  const loop = (name) => async (turns) => {
    child.stdin.write(`${name} ${turns}\n`)
    const [line] = await once(lines, 'line')
    return Number(line)
  }
  const close = async () => {
    child.stdin.end()
    await once(child, 'exit')
    rmSync(folder, { recursive: true, force: true })
  }
  return { loop, close }
}
