/**
 * The parts of a set of paths. A path that a pattern can split in several ways is read by what the whole set shows (its
 * fields are numbers, its wells are wells) and by what is known (the proteins of a class table); what stays ambiguous is
 * an error, since a wrong split gives a cell another protein's label.
 */

import { DeepYeastError } from '../errors';
import type { PartLimits } from './component-split';
import { hasShape, type PartShape, usualShapes } from './part-shapes';
import { type PathParts, parseSplittingPattern, type SplittingPattern } from './path-splits';

/** Texts that a part is likely to be: proteins of a class table, wells of a plate map, channels asked for. */
export type KnownParts = Readonly<Record<string, ReadonlySet<string>>>;

export interface PathReadings {
  /** The parts of each path, undefined where the pattern does not fit. */
  parts: (PathParts | undefined)[];
  /** For people: paths that fit in several ways, and how they were read. */
  warnings: string[];
}

/**
 * Reads a set of paths by a pattern. A part that takes the shape of a number (or a well, or a systematic gene name) in
 * every path of the set does so in all of them; then proteins that are known decide.
 * @throws invalid-argument where a path can still be split in several ways, with two of them
 */
export function readPaths(pattern: SplittingPattern, paths: readonly string[], known: KnownParts = {}): PathReadings {
  const parts = new Array<PathParts | undefined>(paths.length).fill(undefined);
  const open: number[] = [];
  let witness = false;
  for (const [i, path] of paths.entries()) {
    const count = pattern.count(path);
    if (count === 1) {
      parts[i] = pattern.readings(path, 1)[0];
      witness = true;
    } else if (count === 'several') open.push(i);
  }
  if (open.length === 0) return { parts, warnings: [] };
  const ambiguous = open.map((i) => paths[i] as string);
  const shapes = shapesOfSet(
    pattern,
    parts.filter((read) => read !== undefined),
    ambiguous,
  );
  const used = new Set<string>();
  const unclear: { path: string; readings: PathParts[] }[] = [];
  for (const [n, i] of open.entries()) {
    const path = ambiguous[n] as string;
    const found = readAmbiguous(pattern, path, shapes, known, witness);
    if ('parts' in found) {
      parts[i] = found.parts;
      used.add(found.by);
    } else unclear.push({ path, readings: found.readings });
  }
  if (unclear.length > 0) throw ambiguity(pattern, unclear);
  const [first] = open as [number, ...number[]];
  const by = [...used].join(' and ');
  return {
    parts,
    warnings: [
      `${open.length} of ${paths.length} paths fit ${pattern.text} in several ways; read by ${by}: ${paths[first]} is ` +
        `${describe(pattern, parts[first] as PathParts)}`,
    ],
  };
}

/** The narrowest usual shape of each name that every path of the set allows, where all of them are possible at once. */
function shapesOfSet(
  pattern: SplittingPattern,
  read: readonly PathParts[],
  ambiguous: readonly string[],
): ReadonlyMap<string, PartShape> {
  const everyPathAllows = (shapes: ReadonlyMap<string, PartShape>) =>
    read.every((parts) => [...shapes].every(([name, shape]) => hasShape(parts[name] as string, shape))) &&
    ambiguous.every((path) => pattern.count(path, { shapes }) !== 0);
  const shapes = new Map<string, PartShape>();
  for (const name of pattern.names) {
    if (pattern.kinds.has(name)) continue;
    const shape = usualShapes(name).find((usual) => everyPathAllows(new Map([[name, usual]])));
    if (shape !== undefined) shapes.set(name, shape);
  }
  // Where they exclude each other there is no telling which of them holds.
  return everyPathAllows(shapes) ? shapes : new Map();
}

type Reading = { parts: PathParts; by: string } | { readings: PathParts[] };

function readAmbiguous(
  pattern: SplittingPattern,
  path: string,
  shapes: ReadonlyMap<string, PartShape>,
  known: KnownParts,
  witness: boolean,
): Reading {
  let limits: PartLimits = { shapes };
  const byKnown: string[] = [];
  for (const name of pattern.names) {
    // The name of a part is anybody's: only what was given counts.
    const texts = Object.hasOwn(known, name) ? known[name] : undefined;
    if (texts === undefined) continue;
    const narrower = { ...limits, known: new Map([...(limits.known ?? []), [name, texts]]) };
    if (pattern.count(path, narrower) === 0) continue;
    limits = narrower;
    byKnown.push(name);
  }
  const readings = pattern.readings(path, 2, limits);
  const [only] = readings;
  if (readings.length !== 1 || !only) return { readings };
  const decided = byKnown.filter((name) => pattern.count(path, { shapes, known: without(limits.known, name) }) !== 1);
  if (decided.length > 0) return { parts: only, by: `the known ${decided.map((name) => `${name}s`).join(' and ')}` };
  // AAC1-3-12 may be a pattern that is one part short: nothing in such a set says whose number the 3 is.
  const numbersBeside = Object.entries(only).some(
    ([name, text]) => !shapes.has(name) && !pattern.kinds.has(name) && /[-_. ]\d+$|^\d+[-_. ]/.test(text),
  );
  if (numbersBeside && !witness && byKnown.length === 0) {
    const [other] = pattern.readings(path, 3).filter((reading) => !same(pattern, reading, only));
    return { readings: other ? [only, other] : [only] };
  }
  return { parts: only, by: describeShapes(shapes) };
}

function without(known: PartLimits['known'], name: string): Map<string, ReadonlySet<string>> {
  return new Map([...(known ?? [])].filter(([other]) => other !== name));
}

function same(pattern: SplittingPattern, a: PathParts, b: PathParts): boolean {
  return pattern.names.every((name) => a[name] === b[name]);
}

const shapeNouns: Record<PartShape, string> = {
  number: 'number',
  'labelled number': 'number with a letter before it',
  well: 'well',
  word: 'word',
  orf: 'systematic gene name',
};

function describeShapes(shapes: ReadonlyMap<string, PartShape>): string {
  return `what all paths allow (${[...shapes].map(([name, shape]) => `${name}: ${shapeNouns[shape]}`).join(', ')})`;
}

function describe(pattern: SplittingPattern, parts: PathParts): string {
  return pattern.names.map((name) => `${name} ${parts[name]}`).join(', ');
}

function ambiguity(
  pattern: SplittingPattern,
  unclear: readonly { path: string; readings: readonly PathParts[] }[],
): DeepYeastError {
  const [{ path, readings }] = unclear as [{ path: string; readings: PathParts[] }];
  const [a, b] = readings.map((parts) => describe(pattern, parts));
  return new DeepYeastError(
    'invalid-argument',
    `the pattern ${pattern.text} fits ${unclear.length === 1 ? path : `${unclear.length} paths`} in several ways: ` +
      `${path} is "${a}" or "${b}"; say in the pattern what its parts look like, as in ${suggestion(pattern, path)} ` +
      '(number: digits; word: letters and digits; well: A01; orf: YER087C-B)',
  );
}

/** The pattern with kinds that make the path unambiguous, where there are such. */
function suggestion(pattern: SplittingPattern, path: string): string {
  const free = pattern.names.filter((name) => !pattern.kinds.has(name) && usualShapes(name)[0] !== 'orf');
  const kindOf = (name: string) =>
    (['number', 'well', 'word'] as const).find(
      (kind) => pattern.count(path, { shapes: new Map([[name, kind]]) }) !== 0,
    ) ?? 'word';
  // From the right: names of proteins stand on the left, and keep what the numbers leave.
  let text = pattern.text;
  for (const name of [...free].reverse()) {
    text = text.replaceAll(`{${name}}`, `{${name}:${kindOf(name)}}`);
    if (parseSplittingPattern(text).count(path) === 1) return text;
  }
  return `{${free.at(-1) ?? pattern.names.at(-1)}:word}`;
}
