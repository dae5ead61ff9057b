// SPDX-License-Identifier: MIT
/** Links every form, after the stepped build. */
import { forms } from './forms.js'
import { linkedFile, linkForm } from './link.js'

export async function linkAllForms(): Promise<void> {
  await Promise.all(forms.map(async ({ name, exchanges }) => linkForm(exchanges, linkedFile(name))))
}
