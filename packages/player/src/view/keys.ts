// SPDX-License-Identifier: MIT
/** What keys and buttons do: an action on where the player stands. */

export interface Where {
  /** The step that is shown; -1 is the start. */
  readonly position: number
  readonly playing: boolean
}

export type Action = 'first' | 'back' | 'forth' | 'last' | 'play' | 'pageBack' | 'pageForth' | { readonly to: number }

const PAGE = 10

const actions: Readonly<Record<string, Action>> = {
  ArrowRight: 'forth', ArrowDown: 'forth', ArrowLeft: 'back', ArrowUp: 'back',
  PageDown: 'pageForth', PageUp: 'pageBack', Home: 'first', End: 'last', ' ': 'play',
}

/** The action of a key; undefined for keys that the player leaves alone. */
export function actionOf(key: string): Action | undefined {
  return Object.hasOwn(actions, key) ? actions[key] : undefined
}

/** Where an action leads, among `steps` steps. Whatever moves by hand ends the playing. */
export function act(where: Where, action: Action, steps: number): Where {
  const last = steps - 1
  const at = (position: number): Where => ({ position: Math.min(Math.max(position, -1), last), playing: false })
  if (typeof action === 'object') return at(action.to)
  switch (action) {
    case 'first': return at(-1)
    case 'last': return at(last)
    case 'back': return at(where.position - 1)
    case 'forth': return at(where.position + 1)
    case 'pageBack': return at(where.position - PAGE)
    case 'pageForth': return at(where.position + PAGE)
    case 'play': return where.position >= last && !where.playing
      ? { position: -1, playing: steps > 0 }                        // at the end: once more from the start
      : { position: where.position, playing: !where.playing }
  }
}

/** The next step of the playing, which ends at the last one. */
export function tick(where: Where, steps: number): Where {
  const position = Math.min(where.position + 1, steps - 1)
  return { position, playing: where.playing && position < steps - 1 }
}

/** The step of a deep link: `#12`, `#start`, `#end`; undefined for anything else. */
export function stepOfLink(hash: string, steps: number): number | undefined {
  if (hash === '#start') return -1
  if (hash === '#end') return steps - 1
  const match = /^#(\d{1,9})$/.exec(hash)
  return match === null ? undefined : Math.min(Number(match[1]), steps - 1)
}

/** The deep link of a step. */
export function linkOf(position: number): string {
  return position < 0 ? '#start' : `#${position}`
}
