// SPDX-License-Identifier: MIT
// The command without a process of its own: what it prints, and its exit code.
import { vi } from 'vitest'
import { reportFailure } from '../src/failure.js'
import { createProgram } from '../src/program.js'

export interface Ended { readonly code: number, readonly stdout: string, readonly stderr: string }

export async function bottomhalf(...args: string[]): Promise<Ended> {
  const texts = { stdout: '', stderr: '' }
  const spies = (['stdout', 'stderr'] as const).map((name) => vi.spyOn(process[name], 'write').mockImplementation((text) => {
    texts[name] += String(text)
    return true
  }))
  let code = 0
  try {
    await createProgram((ended) => { code = ended }).parseAsync(args, { from: 'user' })
  } catch (error) {
    code = reportFailure(error)
  } finally {
    for (const spy of spies) spy.mockRestore()
  }
  return { code, ...texts }
}
