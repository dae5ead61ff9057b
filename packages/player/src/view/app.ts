// SPDX-License-Identifier: MIT
/** The whole page, from the data and where the player stands. */
import { h, type VNode } from './element.js'
import type { PlayerData } from '../data.js'
import type { Action, Where } from './keys.js'
import type { Lanes } from './lanes.js'
import { memoryView } from './memory.js'
import { nowView, sourceView } from './now.js'
import { stateAt } from './state.js'
import { sentenceOf } from './words.js'

export interface AppProps {
  readonly data: PlayerData
  readonly lanes: Lanes
  readonly where: Where
  readonly theme: Theme
  readonly act: (action: Action) => void
  readonly setTheme: (theme: Theme) => void
  readonly zoom: (by: number) => void
}

export type Theme = 'auto' | 'light' | 'dark'
const nextTheme: Readonly<Record<Theme, Theme>> = { auto: 'light', light: 'dark', dark: 'auto' }

export function appView(props: AppProps): VNode {
  const { data, lanes, where: { position } } = props
  const state = stateAt(data, position)
  return h('div', { class: 'player' }, [
    headView(data),
    controlsView(props),
    h('main', {}, [
      h('section', { class: 'left', 'aria-label': 'Lanes' }, lanes.view(position)),
      h('div', { class: 'right' }, [
        h('section', { 'aria-label': 'This step' }, [nowView(data, position), sourceView(data, data.steps[position])]),
        h('section', { 'aria-label': 'Memory' }, [h('h2', {}, 'Memory'), memoryView(data, state, position)]),
      ]),
    ]),
    footView(data),
    h('p', { class: 'unseen', role: 'status', 'aria-live': 'polite' }, sentenceOf(data, position)),
  ])
}

function headView({ title, facts, violation }: PlayerData): VNode {
  return h('header', {}, [
    h('h1', {}, title),
    violation === null
      ? h('p', { class: 'verdict' }, '✔ nothing breaks here')
      : h('p', { class: 'verdict broken' }, `✖ ${violation.kind}: ${violation.message}`),
    h('p', { class: 'facts' }, facts.join(' · ')),
  ])
}

function controlsView({ data: { steps }, where: { position, playing }, theme, act, setTheme, zoom }: AppProps): VNode {
  const last = steps.length - 1
  // only characters that every system has a glyph for
  const button = (label: string, text: string, onClick: () => void, disabled = false): VNode =>
    h('button', { type: 'button', 'aria-label': label, title: label, onClick, disabled }, text)
  return h('nav', { 'aria-label': 'Steps' }, [
    button('First (Home)', '|◀', () => act('first'), position < 0),
    button('Back (←)', '◀', () => act('back'), position < 0),
    button(playing ? 'Pause (space)' : 'Play (space)', playing ? 'Pause' : 'Play', () => act('play')),
    button('Forth (→)', '▶', () => act('forth'), position >= last),
    button('Last (End)', '▶|', () => act('last'), position >= last),
    h('input', {
      type: 'range', min: -1, max: last, value: position, 'aria-label': 'Step', 'aria-valuetext': stepText(position, last),
      onInput: (event: Event) => act({ to: Number((event.target as HTMLInputElement).value) }),
    }),
    h('output', {}, stepText(position, last)),
    h('span', { class: 'view' }, [
      button('Smaller text', 'A−', () => zoom(-1)),
      button('Larger text', 'A+', () => zoom(1)),
      button(`Colours: ${theme}`, { auto: '◐', light: '☀', dark: '☾' }[theme], () => setTheme(nextTheme[theme])),
    ]),
  ])
}

function stepText(position: number, last: number): string {
  return position < 0 ? `start of ${last + 1} steps` : `step ${position} of 0–${last}`
}

function footView({ command }: PlayerData): VNode {
  return h('footer', {}, [
    h('p', {}, [
      'Keys: ', h('kbd', {}, '←'), ' ', h('kbd', {}, '→'), ' one step, ', h('kbd', {}, 'PgUp'), ' ', h('kbd', {}, 'PgDn'), ' ten, ',
      h('kbd', {}, 'Home'), ' ', h('kbd', {}, 'End'), ', ', h('kbd', {}, 'space'), ' plays. ',
      h('span', { class: 'off swatch' }, 'IF = 0'), ' is hatched; ↳ an interrupt enters, ↵ returns; the mark behind a word: who wrote it last, and when.',
    ]),
    command === '' ? null : h('p', {}, ['Run it again: ', h('code', {}, command)]),
  ])
}
