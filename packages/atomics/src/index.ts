// SPDX-License-Identifier: MIT
/** @bottomhalf/atomics: atomic bits, bitmaps, reference counts and the sparse index, in shared memory. */
export {
  bitmapClear, bitmapEmpty, bitmapFill, bitmapFirst, bitmapFirstZero, bitmapFull, bitmapNext, bitmapNextZero, bitmapSet,
  bitmapTest, bitmapTestAndClear, bitmapTestAndSet, bitmapWeight, bitmapWords, bitmapZero, clearBit, setBit, testBit,
} from './bits.js'
export { addUnless, fetchMax, refGet, refGetUnlessZero, refInit, refPut, refRead } from './refcount.js'
export {
  SPARSE_MAX_KEY, sparseDelete, sparseDestroy, sparseForEach, SparseIndex, sparseInit,
  sparseInitDeferred, sparseInsert, sparseIsEmpty, sparseLookup, sparseNext, sparseNextBatch, SparseNode,
} from './sparseIndex.js'
export type { SparseVisitor } from './sparseIndex.js'
