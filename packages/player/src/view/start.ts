/// <reference lib="dom" />
// SPDX-License-Identifier: MIT
/** The player at work in a document: keys, deep links, playing, theme and size. */
import { render } from 'preact'
import type { PlayerData } from '../data.js'
import { appView, type Theme } from './app.js'
import { act, actionOf, linkOf, stepOfLink, tick, type Action, type Where } from './keys.js'
import { Lanes } from './lanes.js'
import { shapesOf } from './state.js'

const PLAY_MS = 1200
const SIZES = [14, 16, 18, 20, 23, 26, 30, 36] as const

/** Show the data in `root`, and follow keys and the address. */
export function start(root: HTMLElement, json: string): void {
  new Player(root, JSON.parse(json) as PlayerData).begin()
}

class Player {
  private readonly root: HTMLElement
  private readonly data: PlayerData
  private readonly lanes: Lanes
  private where: Where = { position: -1, playing: false }
  private theme: Theme = 'auto'
  private size = 2
  private timer: ReturnType<typeof setInterval> | undefined

  constructor(root: HTMLElement, data: PlayerData) {
    this.root = root
    this.data = data
    this.lanes = new Lanes(data, shapesOf(data), (to) => this.act({ to }))
  }

  begin(): void {
    document.addEventListener('keydown', (event) => this.onKey(event))
    addEventListener('hashchange', () => this.followLink())
    this.followLink()
    this.show()
  }

  private onKey(event: KeyboardEvent): void {
    if (event.ctrlKey || event.metaKey || event.altKey) return
    const target = event.target instanceof HTMLElement ? event.target.tagName : ''
    if (target === 'INPUT' || (event.key === ' ' && (target === 'BUTTON' || target === 'SUMMARY'))) return   // they know these keys
    const action = actionOf(event.key)
    if (action === undefined) return
    event.preventDefault()
    this.act(action)
  }

  private act(action: Action): void {
    this.move(act(this.where, action, this.data.steps.length))
  }

  private move(where: Where): void {
    this.where = where
    clearInterval(this.timer)
    if (where.playing) this.timer = setInterval(() => this.move(tick(this.where, this.data.steps.length)), PLAY_MS)
    history.replaceState(null, '', linkOf(where.position))
    this.show()
  }

  private followLink(): void {
    const position = stepOfLink(location.hash, this.data.steps.length)
    if (position !== undefined && position !== this.where.position) this.act({ to: position })
  }

  private show(): void {
    const { data, lanes, where, theme } = this
    document.documentElement.dataset['theme'] = theme
    document.documentElement.style.fontSize = `${SIZES[this.size] ?? 18}px`
    render(appView({
      data, lanes, where, theme,
      act: (action) => this.act(action),
      setTheme: (next) => { this.theme = next; this.show() },
      zoom: (by) => { this.size = Math.min(Math.max(this.size + by, 0), SIZES.length - 1); this.show() },
    }), this.root)
    this.root.querySelector('[aria-current]')?.scrollIntoView({ block: 'nearest' })
  }
}
