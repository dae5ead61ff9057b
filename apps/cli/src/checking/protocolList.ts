// SPDX-License-Identifier: MIT
/** The models of the protocol as a list shows them, without running any. */
import { forms, models } from '@bottomhalf/history'
import type { Listed } from '../checkReport.js'

export function protocolModels(): Listed[] {
  return models.map(({ name, summary, parameters }) => ({
    name, about: summary, forms: forms.map((form) => form.name),
    parameters: Object.fromEntries(parameters.map((p) =>
      [p.name, { from: p.least, to: p.most, initial: p.usual, what: p.summary }])),
  }))
}
