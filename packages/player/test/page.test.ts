// SPDX-License-Identifier: MIT
// @vitest-environment happy-dom
/// <reference lib="dom" />
import { beforeEach, describe, expect, test } from 'vitest'
import { start } from '../src/view/start.js'
import { brokenBy, handmade, node, tornText, writing } from './helpers.js'

const torn = brokenBy(tornText)

describe('the player in a document', () => {
  const press = (key: string): void => { document.dispatchEvent(new KeyboardEvent('keydown', { key, bubbles: true })) }
  const shown = (selector: string): string => document.querySelector(selector)?.textContent ?? ''
  const current = (): string => document.querySelector('[aria-current=step]')?.getAttribute('data-step') ?? 'none'

  beforeEach(() => {
    location.hash = ''
    document.body.replaceChildren()
  })

  function open(data = torn): void {
    const root = document.createElement('div')
    document.body.append(root)
    start(root, JSON.stringify(data))
  }

  test('keys step forth and back: the marked step, the sentence, the source line and the address follow', () => {
    open()
    expect(current()).toBe('-1')
    press('ArrowRight')
    expect([current(), location.hash]).toEqual(['0', '#0'])
    press('End')
    expect(current()).toBe(String(torn.steps.length - 1))
    expect(shown('.now .broken')).toBe('✖ assertion: assert b == 2')
    expect(shown('.source .current')).toContain('rd b x')
    press('ArrowLeft')
    expect(current()).toBe(String(torn.steps.length - 2))
    press('Home')
    expect(shown('[role=status]')).toContain('Start, before the first')
  })

  test('memory shows the value and who wrote it last, as drawing and as table', () => {
    open()
    press('End')
    const writes = torn.steps.flatMap(({ touched, context }, d) =>
      (touched.some((access) => access.writes) ? [{ d, context }] : []))
    expect(writes.map(({ context }) => context)).toEqual([1, 1, 0])
    expect([...document.querySelectorAll('svg .writer')].map((mark) => mark.textContent))
      .toEqual([`●${writes[2]?.d}`, `●${writes[1]?.d}`])
    expect(shown('.words tbody tr')).toBe(`words.x1step ${writes[2]?.d}, CPU 0`)
  })

  test('lanes hatch IF = 0 and nest the handler from its entry to its return', () => {
    open()
    const rows = [...document.querySelectorAll('tr[data-step]')].slice(1)   // without the start
    const off = rows.map((row) => row.querySelector('td')?.classList.contains('off'))
    expect(off).toEqual(torn.steps.map((step) => !step.irqOn[0]))
    const bars = rows.map((row) => row.querySelectorAll('.bar').length)
    expect(bars).toEqual(torn.steps.map((step) => (step.context === 1 ? 1 : 0)))
    expect(shown('tbody')).toContain('↳ h1')
    expect(shown('tbody')).toContain('↵ h1 returns')
  })

  test('a click on a row, the slider and the buttons go there too', () => {
    open()
    document.querySelector<HTMLElement>('tr[data-step="2"]')?.click()
    expect(current()).toBe('2')
    document.querySelector<HTMLElement>('button[aria-label^=Back]')?.click()
    expect(current()).toBe('1')
    const slider = document.querySelector<HTMLInputElement>('input[type=range]')
    if (slider === null) throw new Error('no slider')
    slider.value = '3'
    slider.dispatchEvent(new Event('input', { bubbles: true }))
    expect(current()).toBe('3')
  })

  test('a deep link opens at its step', () => {
    location.hash = '#2'
    open()
    expect(current()).toBe('2')
  })

  test('colours and size change, and are said', () => {
    open()
    document.querySelector<HTMLElement>('button[aria-label^=Colours]')?.click()
    expect(document.documentElement.dataset['theme']).toBe('light')
    const before = document.documentElement.style.fontSize
    document.querySelector<HTMLElement>('button[aria-label^=Larger]')?.click()
    expect(parseInt(document.documentElement.style.fontSize)).toBeGreaterThan(parseInt(before))
  })

  test('PG1: names from outside are text, never markup', () => {
    const name = '<img src=x onerror=alert(1)>'
    open(handmade([node(10, { name })], [writing(12, 1, { text: name })]))
    press('End')
    expect(document.querySelector('img')).toBeNull()
    expect(shown('svg .title')).toBe(name)
    expect(shown('.now .what')).toBe(name)
  })
})
