/**
 * One component of a path (a folder or the file) against one component of a pattern: how often it can be split, and how.
 * Counting goes backwards through the pattern, one pass over the text for each of its parts; nothing is tried twice.
 */

import { type Ends, hasShape, type PartKind, type PartShape, shapeEnds } from './part-shapes';

/** A named part, or the text between two parts: pieces with any text between them. */
export type ComponentToken =
  | { readonly name: string; readonly kind: PartKind | undefined }
  | { readonly pieces: readonly string[] };

/** What is asked of the parts of a path, by their names. */
export interface PartLimits {
  /** A part has exactly this text. */
  readonly bound?: ReadonlyMap<string, string>;
  readonly shapes?: ReadonlyMap<string, PartShape>;
  /** A part is one of these texts. */
  readonly known?: ReadonlyMap<string, ReadonlySet<string>>;
}

/** How often the text from each position on can be split by the tokens from each one on; 2 stands for more than once. */
export type SplitCounts = readonly Uint8Array[];

/** Counts for every token and position: counts[0][0] is the component's own. */
export function countSplits(tokens: readonly ComponentToken[], text: string, limits: PartLimits): SplitCounts {
  const length = text.length;
  const counts = Array.from({ length: tokens.length + 1 }, () => new Uint8Array(length + 1));
  (counts[tokens.length] as Uint8Array)[length] = 1;
  const sums = new Uint32Array(length + 2);
  for (let t = tokens.length - 1; t >= 0; t--) {
    const after = counts[t + 1] as Uint8Array;
    const here = counts[t] as Uint8Array;
    const token = tokens[t] as ComponentToken;
    if ('pieces' in token && token.pieces.length === 1) countText(token.pieces[0] as string, text, after, here);
    else if ('name' in token && isFree(token, limits)) countFree(after, here);
    else countByEnds(token, text, limits, after, here, sums);
  }
  return counts;
}

function countText(piece: string, text: string, after: Uint8Array, here: Uint8Array): void {
  if (piece === '') {
    here.set(after);
    return;
  }
  for (let p = text.indexOf(piece); p >= 0; p = text.indexOf(piece, p + 1)) here[p] = after[p + piece.length] as number;
}

/** Any text of at least one character. */
function countFree(after: Uint8Array, here: Uint8Array): void {
  let sum = 0;
  for (let p = here.length - 2; p >= 0; p--) {
    sum = Math.min(2, sum + (after[p + 1] as number));
    here[p] = sum;
  }
}

function countByEnds(
  token: ComponentToken,
  text: string,
  limits: PartLimits,
  after: Uint8Array,
  here: Uint8Array,
  sums: Uint32Array,
): void {
  const ends = endsOf(token, text, limits);
  const lastPiece = 'pieces' in token ? (token.pieces.at(-1) as string) : '';
  let any = 0;
  for (let p = 0; p <= text.length; p++) {
    // After any text only those ends count at which the last piece ends.
    const counted = lastPiece === '' || endsWith(text, lastPiece, p) ? (after[p] as number) : 0;
    any += counted;
    sums[p + 1] = any;
  }
  if (any === 0) return;
  for (let p = 0; p <= text.length; p++) {
    // Nothing that begins here can end where the rest fits.
    if (any === (sums[p] as number)) return;
    const pairs = ends(p);
    let count = 0;
    for (let i = 0; i < pairs.length && count < 2; i += 2) {
      count += (sums[(pairs[i + 1] as number) + 1] as number) - (sums[pairs[i] as number] as number);
    }
    here[p] = Math.min(2, count);
  }
}

function isFree({ name, kind }: { name: string; kind: PartKind | undefined }, limits: PartLimits): boolean {
  return kind === undefined && !limits.bound?.has(name) && !limits.shapes?.has(name) && !limits.known?.has(name);
}

/** A component as texts with a part between each two of them; null stands for a star. */
export interface PlainComponent {
  texts: readonly string[];
  parts: readonly ({ name: string; kind: PartKind | undefined } | null)[];
}

/** The tokens of a component in that form. */
export function plainComponent(tokens: readonly ComponentToken[]): PlainComponent {
  const texts: string[] = [];
  const parts: ({ name: string; kind: PartKind | undefined } | null)[] = [];
  for (const token of tokens) {
    if ('name' in token) parts.push(token);
    else {
      texts.push(...token.pieces);
      parts.push(...token.pieces.slice(1).map(() => null));
    }
  }
  // Stars were added after the texts around them: both lists have the order of the component.
  return { texts, parts };
}

/**
 * Splits a component where its texts have one place only: as far to the left as they can be, and as far to the right.
 * @returns the parts; undefined where it does not fit; `several` where the texts have several places (which can still name
 *   the same parts, or parts that are not of the wanted kinds)
 */
export function onlySplit({ texts, parts }: PlainComponent, text: string): string[] | undefined | 'several' {
  const [first = ''] = texts;
  const last = texts.length - 1;
  if (last === 0) return text === first ? [] : undefined;
  const final = texts[last] as string;
  if (!text.startsWith(first) || !text.endsWith(final)) return undefined;
  const starts = new Array<number>(last + 1);
  let position = first.length;
  for (let t = 1; t < last; t++) {
    const found = text.indexOf(texts[t] as string, position + (parts[t - 1] === null ? 0 : 1));
    if (found < 0) return undefined;
    starts[t] = found;
    position = found + (texts[t] as string).length;
  }
  const end = text.length - final.length;
  if (position + (parts[last - 1] === null ? 0 : 1) > end) return undefined;
  // From the right: the same places, or there are several ways.
  let limit = end;
  for (let t = last - 1; t >= 1; t--) {
    const piece = texts[t] as string;
    const from = limit - (parts[t] === null ? 0 : 1) - piece.length;
    if (from < 0 || text.lastIndexOf(piece, from) !== starts[t]) return 'several';
    limit = starts[t] as number;
  }
  starts[last] = end;
  return parts.map((_, i) =>
    text.slice((i === 0 ? 0 : (starts[i] as number)) + (texts[i] as string).length, starts[i + 1]),
  );
}

/** Whether a part with this text keeps to the limits. */
export function keepsTo(part: { name: string; kind: PartKind | undefined }, text: string, limits: PartLimits): boolean {
  const { name, kind } = part;
  const bound = limits.bound?.get(name);
  const shape = limits.shapes?.get(name);
  return (
    (kind === undefined || hasShape(text, kind)) &&
    (bound === undefined || bound === text) &&
    (shape === undefined || hasShape(text, shape)) &&
    (limits.known?.get(name)?.has(text) ?? true)
  );
}

/** The ways to split a component, as few characters as possible for the parts on the left first. */
export function* splits(
  tokens: readonly ComponentToken[],
  text: string,
  limits: PartLimits,
  counts: SplitCounts = countSplits(tokens, text, limits),
): Generator<[name: string, value: string][]> {
  const ends = tokens.map((token) => endsOf(token, text, limits));
  const parts: [string, string][] = [];
  function* from(t: number, p: number): Generator<[string, string][]> {
    const token = tokens[t];
    if (!token) {
      yield [...parts];
      return;
    }
    const after = counts[t + 1] as Uint8Array;
    const lastPiece = 'pieces' in token && token.pieces.length > 1 ? (token.pieces.at(-1) as string) : '';
    const pairs = (ends[t] as (p: number) => Ends)(p);
    for (let i = 0; i < pairs.length; i += 2) {
      for (let q = pairs[i] as number; q <= (pairs[i + 1] as number); q++) {
        if (after[q] === 0 || (lastPiece !== '' && !endsWith(text, lastPiece, q))) continue;
        if ('name' in token) parts.push([token.name, text.slice(p, q)]);
        yield* from(t + 1, q);
        if ('name' in token) parts.pop();
      }
    }
  }
  if ((counts[0] as Uint8Array)[0] !== 0) yield* from(0, 0);
}

/** The texts that one part can be. */
export function valuesOf(
  tokens: readonly ComponentToken[],
  text: string,
  limits: PartLimits,
  name: string,
  most: number,
): Set<string> {
  const counts = countSplits(tokens, text, limits);
  const reached = Array.from({ length: tokens.length + 1 }, () => new Uint8Array(text.length + 1));
  (reached[0] as Uint8Array)[0] = 1;
  const values = new Set<string>();
  for (const [t, token] of tokens.entries()) {
    const ends = endsOf(token, text, limits);
    const lastPiece = 'pieces' in token && token.pieces.length > 1 ? (token.pieces.at(-1) as string) : '';
    const after = counts[t + 1] as Uint8Array;
    for (let p = 0; p <= text.length; p++) {
      if ((reached[t] as Uint8Array)[p] === 0) continue;
      const pairs = ends(p);
      for (let i = 0; i < pairs.length; i += 2) {
        for (let q = pairs[i] as number; q <= (pairs[i + 1] as number); q++) {
          if (after[q] === 0 || (lastPiece !== '' && !endsWith(text, lastPiece, q))) continue;
          (reached[t + 1] as Uint8Array)[q] = 1;
          if ('name' in token && token.name === name) values.add(text.slice(p, q));
          if (values.size > most) return values;
        }
      }
    }
    if ('name' in token && token.name === name) return values;
  }
  return values;
}

/** Where a token that begins at a position may end. */
function endsOf(token: ComponentToken, text: string, limits: PartLimits): (start: number) => Ends {
  if ('pieces' in token) return piecesEnds(token.pieces, text);
  const { name, kind } = token;
  const bound = limits.bound?.get(name);
  const known = limits.known?.get(name);
  const shapes = [kind, limits.shapes?.get(name)].filter((shape) => shape !== undefined);
  const fits = (value: string) =>
    (known === undefined || known.has(value)) && shapes.every((shape) => hasShape(value, shape));
  if (bound !== undefined) {
    const valid = bound !== '' && fits(bound);
    return (start) => (valid && text.startsWith(bound, start) ? [start + bound.length, start + bound.length] : []);
  }
  const [shape] = shapes;
  const ends = (start: number): Ends =>
    shape === undefined ? (start < text.length ? [start + 1, text.length] : []) : shapeEnds(shape, text, start);
  if (known === undefined && shapes.length < 2) return ends;
  return (start) => {
    const pairs = ends(start);
    const single: number[] = [];
    for (let i = 0; i < pairs.length; i += 2) {
      for (let q = pairs[i] as number; q <= (pairs[i + 1] as number); q++) {
        if (fits(text.slice(start, q))) single.push(q, q);
      }
    }
    return single;
  };
}

function piecesEnds(pieces: readonly string[], text: string): (start: number) => Ends {
  const [first = '', ...rest] = pieces;
  if (rest.length === 0) {
    return (start) => (text.startsWith(first, start) ? [start + first.length, start + first.length] : []);
  }
  const last = rest.pop() as string;
  const next = rest.map((piece) => nextPositions(piece, text));
  return (start) => {
    if (!text.startsWith(first, start)) return [];
    let position = start + first.length;
    for (const [i, piece] of rest.entries()) {
      const found = (next[i] as Int32Array)[position] as number;
      if (found < 0) return [];
      position = found + piece.length;
    }
    const least = position + last.length;
    return least > text.length ? [] : [least, text.length];
  };
}

/** For each position the first one from it on at which a piece stands; -1: none. */
function nextPositions(piece: string, text: string): Int32Array {
  const next = new Int32Array(text.length + 1);
  let found = -1;
  for (let p = text.length; p >= 0; p--) {
    if (text.startsWith(piece, p)) found = p;
    next[p] = found;
  }
  return next;
}

function endsWith(text: string, piece: string, end: number): boolean {
  return end >= piece.length && text.startsWith(piece, end - piece.length);
}
