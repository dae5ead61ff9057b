// SPDX-License-Identifier: MIT
/** The pinned schedules: each defect again, step by step; and production on the same choices. */
import { readFileSync } from 'node:fs'
import { parseSchedule } from '@bottomhalf/checker'
import { afterAll, describe, expect, test } from 'vitest'
import { exploreOptions, fileOf, modelNamed } from '../src/check.js'
import { defects, type Defect } from '../src/defects.js'
import type { Job } from '../src/job.js'
import { pinnedFile, pinnedForm } from '../src/pinned.js'
import { FormThread } from '../src/thread.js'

const AGAIN = 'of code that was changed on purpose; all anew: node tools/schedules.mjs'
const forms = [...new Set(defects.map(pinnedForm))]

function jobOf(defect: Defect) {
  const schedule = parseSchedule(readFileSync(new URL(`./schedules/${pinnedFile(defect)}`, import.meta.url), 'utf8'))
  const { program: model, parameters: values } = schedule
  return { model, values, options: exploreOptions(modelNamed(model), {}), schedule } satisfies Job
}

describe.each(forms)('form %s', (form) => {
  const thread = new FormThread(fileOf(form))
  afterAll(async () => { await thread.end() })

  test.each(defects.filter((defect) => pinnedForm(defect) === form))('$id: its schedule shows it again', async (defect) => {
    const job = jobOf(defect)
    const violation = await thread.replay(job).catch((error: unknown) => {
      throw new Error(`${pinnedFile(defect)}: ${String(error)}; perhaps ${AGAIN}`, { cause: error })
    })
    expect(violation).toEqual(job.schedule.violation)
    expect(violation?.message).toContain(defect.message)
  })
})

describe('production', () => {
  const thread = new FormThread(fileOf('F'))
  afterAll(async () => { await thread.end() })

  test.each(defects)('$id: nothing is wrong on the choices of its schedule, which ends elsewhere', async (defect) => {
    const { violation, differsAt } = await thread.follow(jobOf(defect))
    expect(violation).toBeNull()
    expect(differsAt).toBeGreaterThanOrEqual(0)
  })

  test('a schedule of another form is told at the first step that differs, with the version of the code', async () => {
    const u1 = defects.find(({ id }) => id === 'U1')!
    const { differsAt } = await thread.follow(jobOf(u1))
    await expect(thread.replay(jobOf(u1))).rejects.toThrow(new RegExp(`^step ${differsAt ?? '?'}: .* the schedule has another step`))
  })
})
