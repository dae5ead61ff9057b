// SPDX-License-Identifier: MIT
// The page in a real browser: what somebody in a lecture presses, and what is seen then.
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { chromium, type Browser, type Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { playerPage } from '../src/page.js'
import { brokenBy, tornText } from './helpers.js'

const candidates = [process.env['CHROMIUM'], '/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome']
const executablePath = candidates.find((file): file is string => file !== undefined && existsSync(file))
const data = brokenBy(tornText)
const last = data.steps.length - 1

const title = executablePath === undefined ? 'the page in a browser (no Chromium here: set CHROMIUM to one)' : 'the page in a browser'

describe.skipIf(executablePath === undefined)(title, () => {
  let browser: Browser
  let page: Page
  let folder = ''
  let address = ''
  const requests: string[] = []
  const errors: string[] = []

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'bottomhalf-player-'))
    writeFileSync(join(folder, 'p.html'), playerPage(data))
    address = pathToFileURL(join(folder, 'p.html')).href
    browser = await chromium.launch({
      executablePath: executablePath ?? '', chromiumSandbox: false, args: ['--headless', '--disable-dev-shm-usage'], timeout: 120_000,
    })
    page = await browser.newPage()
    page.on('request', (request) => requests.push(request.url()))
    page.on('pageerror', (error) => errors.push(error.message))
    page.on('console', (message) => { if (message.type() === 'error') errors.push(message.text()) })
  }, 150_000)

  afterAll(async () => {
    await browser.close()
    rmSync(folder, { recursive: true, force: true })
  })

  const current = async (): Promise<string | null> => page.locator('[aria-current=step]').getAttribute('data-step')

  test('it opens from a file without the network, steps forth and back, and shows the state of each step', async () => {
    await page.goto(address)
    expect(await current()).toBe('-1')
    for (let d = 0; d <= last; d++) {
      await page.keyboard.press('ArrowRight')
      expect(await current()).toBe(String(d))
      expect(await page.locator('.now .who').innerText()).toContain(`CPU ${data.steps[d]?.cpu ?? '-'}`)
    }
    expect(await page.locator('.now .broken').innerText()).toContain('assert b == 2')
    for (let d = last - 1; d >= -1; d--) {
      await page.keyboard.press('ArrowLeft')
      expect(await current()).toBe(String(d))
    }
    expect(requests).toEqual([address])
    expect(errors).toEqual([])
  })

  test('End, Home, space and a deep link; the address is the link', async () => {
    await page.goto(`${address}#2`)
    expect(await current()).toBe('2')
    await page.keyboard.press('End')
    expect([await current(), new URL(page.url()).hash]).toEqual([String(last), `#${last}`])
    await page.keyboard.press('Home')
    await page.keyboard.press('Space')
    await page.locator(`tr[data-step="${last}"][aria-current=step]`).waitFor({ timeout: 60_000 })
    expect(await page.getByRole('button', { name: /^Play/ }).count()).toBe(1)
  })

  test('the marked step is in sight, IF = 0 is hatched, and every control has a name', async () => {
    await page.setViewportSize({ width: 1280, height: 400 })
    await page.keyboard.press('Home')
    await page.keyboard.press('End')
    const box = await page.locator('[aria-current=step]').boundingBox()
    expect(box === null ? -1 : box.y + box.height).toBeLessThanOrEqual(400)
    const hatched = page.locator('td.off').first()
    expect(await hatched.evaluate((cell) => getComputedStyle(cell).backgroundImage)).toContain('repeating-linear-gradient')
    for (const button of await page.getByRole('button').all()) expect(await button.getAttribute('aria-label')).toMatch(/\w/)
  })

  test.each(['light', 'dark'] as const)('text and ground differ enough in %s colours', async (colorScheme) => {
    await page.emulateMedia({ colorScheme })
    await page.goto(address)
    const [ink, ground] = await page.evaluate(() => {
      const { color, backgroundColor } = getComputedStyle(document.body)
      return [color, backgroundColor].map((text) => (text.match(/\d+/g) ?? []).slice(0, 3).map(Number))
    })
    expect(contrast(ink ?? [], ground ?? [])).toBeGreaterThan(7)
  })
})

/** The ratio that WCAG defines. */
function contrast(a: readonly number[], b: readonly number[]): number {
  const light = (rgb: readonly number[]): number => {
    const linear = (c: number): number => (c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)
    const [red = 0, green = 0, blue = 0] = rgb.map((c) => linear(c / 255))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
  }
  const [bright = 0, dark = 0] = [light(a), light(b)].sort((x, y) => y - x)
  return (bright + 0.05) / (dark + 0.05)
}
