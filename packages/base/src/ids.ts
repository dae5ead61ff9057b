// SPDX-License-Identifier: MIT
/**
 * Branded ids and references: passing a guest GSI where a machine pIRQ is meant does not compile.
 *
 * A brand is a type only. `as CpuId` stands at the two places where a number becomes an id: decoding and allocation.
 */

declare const brand: unique symbol
type Branded<Name extends string> = number & { readonly [brand]: Name }

/** A physical CPU of the host, 0-based. */
export type CpuId = Branded<'CpuId'>
/** A domain's id; 0 is the hardware domain. */
export type DomId = Branded<'DomId'>
/** A domain's own number for a machine interrupt. */
export type Pirq = Branded<'Pirq'>
/** A global interrupt line of the host. */
export type Gsi = Branded<'Gsi'>
/** A global interrupt line of a guest. */
export type GuestGsi = Branded<'GuestGsi'>
/** A machine interrupt: index of an `irqDesc`. */
export type Irq = Branded<'Irq'>
/** An interrupt vector of a CPU, 0..255, physical or virtual. */
export type Vector = Branded<'Vector'>
/** A softirq's number, low ones served first. */
export type SoftirqNr = Branded<'SoftirqNr'>

/** The word address of a struct of that name in shared memory; 0 is null. */
export type Ref<StructName extends string> = number & { readonly __ref?: StructName }
