/**
 * Patterns that name the parts of a path: `{plate}/{well}-{field}-{image}-{cell}.png`. A name stands for at least one
 * character other than `/`, as few as possible; a repeated name must stand for the same text each time; `*` stands for
 * any text without `/`.
 */

import { DeepYeastError } from '../errors';

export interface PathPattern {
  readonly text: string;
  /** Names in order of their first appearance. */
  readonly names: readonly string[];
  /** Folders above the file. */
  readonly depth: number;
  /** The named parts of a path relative to the source, or undefined where it does not match. */
  match(path: string): Record<string, string> | undefined;
}

/** Parses a pattern. Throws `invalid-argument`. */
export function parsePathPattern(text: string): PathPattern {
  const invalid = (what: string) => new DeepYeastError('invalid-argument', `the pattern "${text}" ${what}`);
  if (text === '' || text.startsWith('/') || text.split('/').includes('..')) {
    throw invalid('must be a path relative to the source');
  }
  const names: string[] = [];
  let source = '';
  for (const token of text.split(/(\{[^{}]*\}|\*)/)) {
    if (token === '*') {
      source += '[^/]*';
    } else if (token.startsWith('{') && token.endsWith('}')) {
      const name = token.slice(1, -1);
      if (!/^[A-Za-z_]\w*$/.test(name)) throw invalid(`has the name ${token}, expected letters, digits and _`);
      if (names.includes(name)) {
        source += `\\k<${name}>`;
      } else {
        names.push(name);
        source += `(?<${name}>[^/]+?)`;
      }
    } else {
      if (/[{}]/.test(token)) throw invalid('has a brace without its partner');
      source += token.replace(/[\\^$.|?+()[\]]/g, '\\$&');
    }
  }
  const expression = new RegExp(`^${source}$`, 's');
  return {
    text,
    names,
    depth: text.split('/').length - 1,
    match: (path) => {
      const match = expression.exec(path);
      return match ? { ...match.groups } : undefined;
    },
  };
}
