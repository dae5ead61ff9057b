// SPDX-License-Identifier: MIT
/** Progress of a run: one live line on a terminal, a plain line per second elsewhere. */
import type { WriteStream } from 'node:tty'
import type { Progress } from '@bottomhalf/host'

export interface ProgressLine {
  readonly show: (progress: Progress) => void
  /** A remark on a line of its own. */
  readonly note: (text: string) => void
  /** Leave the terminal clean. */
  readonly end: () => void
}

const CLEAR_LINE = '\r\u001b[2K'

/** Write the progress of a run to a stream. */
export function progressTo(stream: Stream): ProgressLine {
  const line = statusLine(stream)
  return { ...line, show: (progress) => { line.show(progressText(progress)) } }
}

type Stream = Pick<WriteStream, 'write'> & { isTTY?: boolean, columns?: number }

/** Where progress goes: one live line on a terminal, a plain line each time elsewhere. */
export function statusLine(stream: Stream): Omit<ProgressLine, 'show'> & { readonly show: (text: string) => void } {
  const live = stream.isTTY === true
  return {
    // a line that wraps could not be cleared
    show: (text) => { stream.write(live ? CLEAR_LINE + text.slice(0, (stream.columns ?? 80) - 1) : `${text}\n`) },
    note: (text) => { stream.write(`${live ? CLEAR_LINE : ''}bottomhalf: ${text}\n`) },
    end: () => { if (live) stream.write(CLEAR_LINE) },
  }
}

/** `softirq  2/5 s  raised 16021  delivered 15987  coalesced 33  pending 1`, and `unserved 7`, `events 3` if there are any. */
export function progressText(p: Progress): string {
  const seconds = (ns: number): string => String(Math.round(ns / 1e9))
  const pending = p.raised - p.delivered - p.coalesced - p.unserved
  const more = (name: string, n: number): string => (n === 0 ? '' : `  ${name} ${n}`)
  return `${p.defer.padEnd(7)}  ${seconds(p.elapsedNs)}/${seconds(p.durationNs)} s  raised ${p.raised}` +
    `  delivered ${p.delivered}  coalesced ${p.coalesced}  pending ${pending}${more('unserved', p.unserved)}${more('events', p.events)}`
}
