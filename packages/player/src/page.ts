// SPDX-License-Identifier: MIT
/**
 * The page: one file, nothing to load, made for a lecture room without a network.
 *
 * PG1  Nothing in the data can end the element that it stands in, or become markup: it is JSON with every `<` escaped,
 *      and the script makes text nodes of it only.
 * PG2  The page runs the script that was built for it and no other: its policy names that script's hash.
 */
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import type { PlayerData } from './data.js'

/** Built beside this file, and found from its source too. */
const folder = new URL('../dist/page/', import.meta.url)
const part = (name: string): string => readFileSync(new URL(name, folder), 'utf8').trim()

/** The execution as a page of HTML. */
export function playerPage(data: PlayerData): string {
  const script = part('player.js')
  const style = part('style.css')
  const policy = `default-src 'none'; script-src '${hashOf(script)}'; style-src '${hashOf(style)}'; style-src-attr 'unsafe-inline'`
  return `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeText(data.title)}</title>
<style>${style}</style>
</head>
<body>
<div id="player"><noscript>This page shows an execution step by step; it needs JavaScript.</noscript></div>
<script type="application/json" id="data">${escapeJson(data)}</script>
<script>${script}</script>
</body>
</html>
`
}

/** PG1: JSON that is safe within a script element. */
function escapeJson(data: PlayerData): string {
  return JSON.stringify(data).replace(/[<\u2028\u2029]/g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`)
}

function escapeText(text: string): string {
  return text.replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`)
}

/** PG2: as a policy writes it. */
function hashOf(text: string): string {
  return `sha256-${createHash('sha256').update(text).digest('base64')}`
}
