// SPDX-License-Identifier: MIT
/**
 * SIGINT and SIGTERM ask for an orderly end; a second one ends the process at once.
 *
 * G1  One Ctrl-C below npm arrives twice: from the terminal, and passed on by npm. What comes within `ECHO_MS` of the
 *     first is its echo.
 */
import { ExitCode } from './exitCodes.js'

const codes = { SIGINT: ExitCode.Interrupted, SIGTERM: ExitCode.Terminated } as const

const ECHO_MS = 500

/** Holds the two signals until `release`. */
export class StopRequest {
  readonly #controller = new AbortController()
  #requested: keyof typeof codes | undefined
  #requestedMs = 0

  constructor() {
    process.on('SIGINT', this.#take)
    process.on('SIGTERM', this.#take)
  }

  /** The signal that came, if one did. */
  get requested(): keyof typeof codes | undefined {
    return this.#requested
  }

  /** Aborts when a signal comes. */
  get signal(): AbortSignal {
    return this.#controller.signal
  }

  get exitCode(): number | undefined {
    return this.#requested === undefined ? undefined : codes[this.#requested]
  }

  release(): void {
    process.off('SIGINT', this.#take)
    process.off('SIGTERM', this.#take)
  }

  readonly #take = (name: NodeJS.Signals): void => {
    const signal = name === 'SIGINT' ? 'SIGINT' : 'SIGTERM'
    if (this.#requested !== undefined) {
      if (performance.now() - this.#requestedMs < ECHO_MS) return      // G1
      process.exit(codes[signal])
    }
    this.#requested = signal
    this.#requestedMs = performance.now()
    this.#controller.abort()
  }
}
