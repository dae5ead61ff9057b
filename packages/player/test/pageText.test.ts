// SPDX-License-Identifier: MIT
import { createHash } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { playerPage } from '../src/page.js'
import { brokenBy, tornText } from './helpers.js'

const torn = brokenBy(tornText)

describe('the page as text', () => {
  const evil = '</script><img src=x onerror=alert(1)>\u2028&"'

  test('PG1: nothing in the data ends its element or becomes markup, and it arrives unchanged', () => {
    const page = playerPage({ ...torn, title: evil, facts: [evil], command: evil })
    const elements = page.match(/<\/?(?:script|img)\b/g)
    expect(elements).toEqual(['<script', '</script', '<script', '</script'])
    const json = /<script type="application\/json" id="data">(.*)<\/script>\n<script>/.exec(page)?.[1] ?? ''
    expect(JSON.parse(json)).toMatchObject({ title: evil, facts: [evil], command: evil })
  })

  test('PG2: the policy names the hash of the script and of the style that the page holds, and allows nothing to load', () => {
    const page = playerPage(torn)
    const hash = (text = ''): string => `'sha256-${createHash('sha256').update(text).digest('base64')}'`
    const policy = /Content-Security-Policy" content="([^"]*)"/.exec(page)?.[1] ?? ''
    expect(policy).toContain("default-src 'none'")
    expect(policy).toContain(`script-src ${hash(/<script>([^]*)<\/script>/.exec(page)?.[1])}`)
    expect(policy).toContain(`style-src ${hash(/<style>([^]*)<\/style>/.exec(page)?.[1])}`)
    expect(page).not.toMatch(/(?:src|href)="(?!#)|@import|url\((?!#)/)
  })
})
