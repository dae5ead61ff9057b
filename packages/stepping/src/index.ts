// SPDX-License-Identifier: MIT
/**
 * @bottomhalf/stepping: the build of the stepped form. Functions that reach shared memory become generators which stop
 * before each access; everything else stays as it was written.
 */
export { transformProgram } from './transform.js'
export type { TransformInput, TransformOptions, TransformResult } from './transform.js'
export { formatDiagnostic } from './diagnostic.js'
export type { Diagnostic } from './diagnostic.js'
export { rules } from './rules.js'
export type { Rule, RuleId } from './rules.js'
export { MANIFEST_FILE, manifestText } from './manifest.js'
export type { Manifest, ManifestEntry } from './manifest.js'
export type { Edited, SourceMapV3 } from './edits.js'
export { steppedEsbuild } from './esbuild.js'
export { steppedVite } from './vite.js'
export type { SteppedViteOptions, SteppedVitePlugin } from './vite.js'
