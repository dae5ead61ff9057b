// SPDX-License-Identifier: MIT
/**
 * One schedule of each defect of the table, in the last form that has it: as small as can be found, to be kept.
 *
 * `node tools/schedules.mjs` writes them all anew.
 */
import type { Schedule } from '@bottomhalf/checker'
import { checkModel } from './check.js'
import type { Defect } from './defects.js'

/** The form that the schedule of a defect is of. */
export const pinnedForm = ({ foundIn }: Defect): string => foundIn.at(-1) ?? 'F'

/** The name of its file. */
export const pinnedFile = ({ id }: Defect): string => `${id.replace('/', '-')}.json`

/** Find a schedule of a defect. Throws if there is none. */
export async function pin(defect: Defect): Promise<Schedule> {
  const { id, model, values: set, message } = defect
  const form = pinnedForm(defect)
  const found = await checkModel(model, {
    form, set, message, preemptions: 2, maxExecutions: 2000, minimiseSeconds: 10,
  })
  if (found.schedule === null) throw new Error(`${id} is not found in form ${form}`)
  return { ...found.schedule, form }
}
