// SPDX-License-Identifier: MIT
/**
 * Bad input: where it stands and what was expected there. Apps print it as one line and exit with 3; nothing was done.
 */

/** A place in a text: 1-based line and column; 0 where a file as a whole is meant. */
export interface TextPlace { readonly file: string, readonly line: number, readonly column: number }

/** One line: `file:line:column: what was found: expected ...`. */
export class InputError extends Error {
  override readonly name = 'InputError'
  readonly place: TextPlace
  readonly expected: string

  constructor(place: TextPlace, found: string, expected: string) {
    const where = place.line === 0 ? place.file : `${place.file}:${place.line}:${place.column}`
    super(`${where}: ${found}; expected ${expected}`)
    this.place = place
    this.expected = expected
  }
}
