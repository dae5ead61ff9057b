// SPDX-License-Identifier: MIT
/** The cells of the table that the specification fixes: every defect where it must be found, none in production. */
import { afterAll, describe, expect, it } from 'vitest'
import { checkIn, checkModel, fileOf } from '../src/check.js'
import { defects, notChecked } from '../src/defects.js'
import { forms } from '../src/forms.js'
import { checkProduction, productionSizes } from '../src/production.js'
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

  it.each(defects)('$id: nothing is wrong with form F in its model, in any schedule', async ({ model, values: set }) => {
    const none = await checkIn(thread, model, { form: 'F', set, strategy: 'stateful', minimiseSeconds: 0 })
    expect(none).toMatchObject({ verdict: 'clean', violation: null })
  }, HANG_MS)

  it('is exhausted clean where many interrupts meet rebinds, a CPU that goes and comes, and a domain that is killed', async () => {
    const verdicts = await checkProduction()
    expect(verdicts.map(({ verdict }) => verdict)).toEqual(productionSizes.map(() => 'clean'))
    for (const { bounds } of verdicts) expect(bounds).toBe('stateful, all schedules')
  }, HANG_MS)
})

describe('all states', () => {
  it.each(broken)('show of form %s what its schedules with few preemptions show', async (form) => {
    const thread = new FormThread(fileOf(form))
    for (const { defect: { model, values: set, message } } of fixed.filter((each) => each.form === form)) {
      const found = await checkIn(thread, model, { form, set, message, strategy: 'stateful', minimiseSeconds: 0 })
      expect(found.violation?.message, found.report).toContain(message)
    }
    await thread.end()
  }, HANG_MS)

  it('H3: a CPU that goes down as CPUs do leaves records on the list of form E1', async () => {
    const found = await checkModel('hotplug', { form: 'E1', strategy: 'stateful', minimiseSeconds: 0 })
    expect(found.violation?.message).toContain('H3')
  }, HANG_MS)
})

describe('what is not checked', () => {
  it('R6: is said to be not checked, and no cell claims it', () => {
    expect(notChecked.id).toBe('R6')
    expect(defects.map(({ id }) => id)).not.toContain('R6')
  })
})
