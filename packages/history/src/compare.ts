// SPDX-License-Identifier: MIT
/** What deliveries cost with a form, or with somebody's own protocol. */
import { fileOf } from './check.js'
import type { SituationCost } from './costs.js'
import { forms } from './forms.js'
import { withProtocol } from './ownForm.js'
import { FormThread } from './thread.js'

/** Whether a name is that of a form; otherwise it is a file. */
export const isForm = (name: string): boolean => forms.some((form) => form.name === name)

/** Count with a form or a protocol. Rejects with esbuild's `BuildFailure` for a file that breaks a rule. */
export async function costsWith(name: string): Promise<readonly SituationCost[]> {
  return isForm(name) ? count(fileOf(name)) : withProtocol(name, count)
}

async function count(linked: string): Promise<readonly SituationCost[]> {
  const thread = new FormThread(linked)
  try {
    return await thread.count()
  } finally {
    await thread.end()
  }
}
