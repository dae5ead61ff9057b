// SPDX-License-Identifier: MIT
/** The cells of the table that the specification fixes: every defect where it must be found, none in production. */
import { afterAll, describe, expect, it } from 'vitest'
import { checkIn, fileOf } from '../src/check.js'
import { defects, notChecked } from '../src/defects.js'
import { forms } from '../src/forms.js'
import { FormThread } from '../src/thread.js'

const HANG_MS = 600_000
const fixed = defects.flatMap((defect) => defect.foundIn.map((form) => ({ id: defect.id, form, defect })))
const broken = forms.map(({ name }) => name).filter((name) => fixed.some(({ form }) => form === name))

describe.each(broken)('form %s', (form) => {
  const thread = new FormThread(fileOf(form))
  afterAll(async () => { await thread.end() })

  it.each(fixed.filter((each) => each.form === form))('$id: is found in form $form, with a schedule', async ({ defect }) => {
    const { model, values: set, message } = defect
    const found = await checkIn(thread, model, {
      form, set, message, preemptions: 2, maxExecutions: 2000, minimiseSeconds: 0,
    })
    expect(found.verdict, found.report).toBe('violation')
    expect(found.violation?.message).toContain(message)
    expect(found.schedule?.violation).toEqual(found.violation)
  }, HANG_MS)
})

describe('production', () => {
  const thread = new FormThread(fileOf('F'))
  afterAll(async () => { await thread.end() })

  it.each(defects)('$id: nothing is wrong with form F in its model, in any schedule without preemption', async (defect) => {
    const { model, values: set } = defect
    const none = await checkIn(thread, model, { form: 'F', set, preemptions: 0, minimiseSeconds: 0 })
    expect(none.violation).toBeNull()
    expect(none.preemptions ?? Infinity).toBeGreaterThanOrEqual(0)
  }, HANG_MS)
})

describe('what is not checked', () => {
  it('R6: is said to be not checked, and no cell claims it', () => {
    expect(notChecked.id).toBe('R6')
    expect(defects.map(({ id }) => id)).not.toContain('R6')
  })
})
