/**
 * Patterns that name the parts of a path: `{plate}/{well}-{field}-{image}-{cell}.png`. A name stands for at least one
 * character other than `/`; `{name:kind}` says what it looks like (number, well, word, orf); a repeated name stands for
 * the same text each time; `*` stands for any text without `/`.
 *
 * Where a pattern fits a path in several ways, no way is picked silently: see path-reading.ts.
 */

import { readPaths } from './path-reading';
import { type PathParts, parseSplittingPattern, type SplittingPattern } from './path-splits';

export { type KnownParts, type PathReadings, readPaths } from './path-reading';
export type { PathParts } from './path-splits';

export interface PathPattern extends SplittingPattern {
  /**
   * The named parts of a single path, or undefined where it does not match; throws `invalid-argument` where the path can
   * be split in several ways. For many paths see readPaths, which knows more.
   */
  match(path: string): PathParts | undefined;
}

/** Parses a pattern. Throws `invalid-argument`. */
export function parsePathPattern(text: string): PathPattern {
  const pattern = parseSplittingPattern(text);
  return Object.assign(pattern, { match: (path: string) => readPaths(pattern, [path]).parts[0] });
}
