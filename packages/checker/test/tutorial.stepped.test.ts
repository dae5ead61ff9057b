// SPDX-License-Identifier: MIT
/** The tutorial is true: its model is this folder's, and what it says of it holds. */
import { readFileSync, rmSync } from 'node:fs'
import { expect, it } from 'vitest'
import { checkerMatchers, defineModel, explore } from '../src/index.js'
import { add, boot } from './protocols.model.js'
import { mailbox } from './tutorial.model.js'

const read = (path: string) => readFileSync(new URL(path, import.meta.url), 'utf8')

it('the model of docs/checking.md is this one, and it is clean', async () => {
  const model = read('tutorial.model.ts').replace('../src/index.js', '@bottomhalf/checker').split('\n').slice(1).join('\n')
  expect(read('../../../docs/checking.md')).toContain(model.trim())
  expect(checkerMatchers.toBeClean(await explore(mailbox))).toMatchObject({ pass: true })
})

it('what fails shows lanes and the command that replays, and that command replays it', async () => {
  const threads = [{ run: () => add(false) }, { run: () => add(false) }]
  const racing = defineModel({ name: 'racing letters', cpus: 2, setup: () => boot(), threads })
  const found = await explore(racing)
  expect(checkerMatchers.toViolate(found, 'data-race').pass).toBe(true)
  expect(checkerMatchers.toViolate(found, 'I12').pass).toBe(true)
  expect(checkerMatchers.toViolate(found, 'deadlock').pass).toBe(false)
  const { pass, message } = checkerMatchers.toBeClean(found)
  expect(pass).toBe(false)
  const text = message()
  expect(text).toContain('step  cpu 0')
  const file = /BOTTOMHALF_REPLAY=(\S+)/.exec(text)?.[1] ?? ''
  process.env['BOTTOMHALF_REPLAY'] = file
  const again = await explore(racing)
  delete process.env['BOTTOMHALF_REPLAY']
  rmSync(file)
  expect(again).toMatchObject({ violation: found.violation, executions: 1 })
})
