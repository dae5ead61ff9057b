// SPDX-License-Identifier: MIT
/** The sizes of the models in which production is exhausted: every schedule of them, whatever the number of preemptions. */
import { checkIn, fileOf, type ModelVerdict } from './check.js'
import { FormThread } from './thread.js'

export interface Size {
  readonly model: string
  readonly values: Readonly<Record<string, number>>
}

export const productionSizes: readonly Size[] = [
  { model: 'rebind-under-fire', values: { cpus: 2, irqs: 3, rebinds: 2 } },
  { model: 'rebind-under-fire', values: { cpus: 3, irqs: 2, rebinds: 1, spread: 1 } },
  { model: 'spread', values: { cpus: 3, irqs: 2 } },
  { model: 'hotplug', values: { irqs: 2 } },
  { model: 'hotplug', values: { irqs: 1, up: 1 } },
  { model: 'kill', values: { irqs: 1 } },
]

/** Check production in each of its sizes. `known` is called with each verdict as it comes. */
export async function checkProduction(known?: (verdict: ModelVerdict) => void): Promise<ModelVerdict[]> {
  const thread = new FormThread(fileOf('F'))
  const verdicts: ModelVerdict[] = []
  try {
    for (const { model, values } of productionSizes) {
      const verdict = await checkIn(thread, model, { form: 'F', set: values, strategy: 'stateful', minimiseSeconds: 0 })
      known?.(verdict)
      verdicts.push(verdict)
    }
  } finally {
    await thread.end()
  }
  return verdicts
}
