// SPDX-License-Identifier: MIT
/**
 * The type of a function value that may reach a shared access.
 *
 * In the stepped build every function that can suspend is a generator; a value of such a function is called through
 * this type, so that the build knows to delegate to it. The brand exists in types only.
 */
export type Susp<F> = F & { readonly __susp?: never }
