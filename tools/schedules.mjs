// SPDX-License-Identifier: MIT
/**
 * The pinned schedules of the defects of the field (packages/history/test/schedules), written anew. Needs the builds.
 *
 *     node tools/schedules.mjs [DEFECT]
 */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { root } from './layers.mjs'

const { formatSchedule } = await import(join(root, 'packages/checker/dist/index.js'))
const { defects, pin, pinnedFile } = await import(join(root, 'packages/history/dist/index.js'))

const folder = join(root, 'packages/history/test/schedules')
const [wanted] = process.argv.slice(2)
mkdirSync(folder, { recursive: true })
for (const defect of defects.filter(({ id }) => id === (wanted ?? id))) {
  const schedule = await pin(defect)
  writeFileSync(join(folder, pinnedFile(defect)), formatSchedule(schedule))
  console.log(`${defect.id}: form ${schedule.form}, ${schedule.steps.length / 4} steps`)
}
