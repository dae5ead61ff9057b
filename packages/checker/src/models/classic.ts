// SPDX-License-Identifier: MIT
/** What a model by name is: a text with parameters. */

export interface Parameter {
  readonly from: number
  readonly to: number
  readonly initial: number
  readonly what: string
}

/** Values by name; every parameter of the model has one. */
export type Values = Readonly<Record<string, number>> & { readonly n: number }

export interface ClassicModel {
  readonly name: string
  readonly about: string
  readonly parameters: Readonly<Record<string, Parameter>>
  /** Contexts of interrupts are threads that hold their CPU's interrupt lock. */
  readonly threads?: boolean
  text(values: Values): string
}

/** `count` results of a function of 0, 1, ... */
export function repeat<T>(count: number, make: (i: number) => T): T[] {
  return Array.from({ length: count }, (_, i) => make(i))
}
