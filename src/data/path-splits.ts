/** How often, and in which ways, a pattern of several folders fits a path: what path-reading.ts decides between. */

import { DeepYeastError } from '../errors';
import { withSlashes } from '../files/slashes';
import {
  type ComponentToken,
  countSplits,
  keepsTo,
  onlySplit,
  type PartLimits,
  type PlainComponent,
  plainComponent,
  splits,
  valuesOf,
} from './component-split';
import { type PartKind, partKinds } from './part-shapes';

/** The named parts of a path. */
export type PathParts = Record<string, string>;

/** Splits of a path, as far as anybody wants to know: none, one, or `several`. */
export type SplitNumber = 0 | 1 | 'several';

export interface SplittingPattern {
  readonly text: string;
  /** Names in order of their first appearance. */
  readonly names: readonly string[];
  /** The kinds that the pattern gives, by name. */
  readonly kinds: ReadonlyMap<string, PartKind>;
  /** Folders above the file. */
  readonly depth: number;
  /** How often the pattern fits a path relative to the source. Throws `invalid-argument` as `readings` does. */
  count(path: string, limits?: PartLimits): SplitNumber;
  /**
   * The ways to split a path, fewest characters first; no two are the same, and at most `most` are found. Throws
   * `invalid-argument` for repeated names that could be too many things.
   */
  readings(path: string, most: number, limits?: PartLimits): PathParts[];
}

/** Splits tried before repeated names are said to be too many things. */
const mostTrials = 4000;
/** Splits looked at for one that differs: stars can make many that name the same parts. */
const mostAlike = 1000;

/** Parses a pattern. Throws `invalid-argument`. */
export function parseSplittingPattern(given: string): SplittingPattern {
  const text = withSlashes(given);
  const invalid = (what: string) => new DeepYeastError('invalid-argument', `the pattern "${text}" ${what}`);
  if (text === '' || text.startsWith('/') || text.split('/').includes('..')) {
    throw invalid('must be a path relative to the source');
  }
  const kinds = new Map<string, PartKind>();
  const occurrences = new Map<string, number>();
  const components = text.split('/').map((component) => {
    const tokens: ComponentToken[] = [];
    let pieces = [''];
    for (const token of component.split(/(\{[^{}]*\}|\*)/)) {
      if (token === '*') {
        pieces.push('');
      } else if (token.startsWith('{') && token.endsWith('}')) {
        const [, name, kind] = /^\{([A-Za-z_]\w*)(?::(\w+))?\}$/.exec(token) ?? [];
        if (name === undefined) throw invalid(`has the name ${token}, expected letters, digits and _`);
        if (kind !== undefined) {
          const found = partKinds.find((known) => known === kind);
          if (!found) throw invalid(`has the kind ${token}, expected one of ${partKinds.join(', ')}`);
          if ((kinds.get(name) ?? found) !== found) throw invalid(`gives {${name}} two kinds`);
          kinds.set(name, found);
        }
        occurrences.set(name, (occurrences.get(name) ?? 0) + 1);
        tokens.push({ pieces }, { name, kind: undefined });
        pieces = [''];
      } else {
        if (/[{}]/.test(token)) throw invalid('has a brace without its partner');
        pieces[pieces.length - 1] += token;
      }
    }
    tokens.push({ pieces });
    return tokens;
  });
  // Every place of a name has the kind that one of them gives.
  const typed = components.map((tokens) =>
    tokens.map((token) => ('name' in token ? { ...token, kind: kinds.get(token.name) } : token)),
  );
  const repeated = [...occurrences].filter(([, count]) => count > 1).map(([name]) => name);
  return new Pattern(text, [...occurrences.keys()], kinds, typed, repeated);
}

class Pattern implements SplittingPattern {
  readonly depth: number;
  readonly #plain: readonly PlainComponent[];

  constructor(
    readonly text: string,
    readonly names: readonly string[],
    readonly kinds: ReadonlyMap<string, PartKind>,
    private readonly components: readonly (readonly ComponentToken[])[],
    private readonly repeated: readonly string[],
  ) {
    this.depth = components.length - 1;
    this.#plain = components.map(plainComponent);
  }

  count(path: string, limits: PartLimits = {}): SplitNumber {
    const texts = path.split('/');
    if (texts.length !== this.components.length) return 0;
    const only = this.#onlyReading(texts, limits);
    if (only !== 'several') return only ? 1 : 0;
    let total = 0;
    for (const bound of this.#bindings(texts, limits)) {
      total += this.#countBound(texts, bound);
      if (total > 1) break;
    }
    if (total < 2) return total as 0 | 1;
    // A star can make two splits of one and the same naming.
    return this.readings(path, 2, limits).length > 1 ? 'several' : 1;
  }

  readings(path: string, most: number, limits: PartLimits = {}): PathParts[] {
    const texts = path.split('/');
    if (texts.length !== this.components.length) return [];
    const only = this.#onlyReading(texts, limits);
    if (only !== 'several') return only ? [only] : [];
    const found = new Map<string, PathParts>();
    let looked = 0;
    for (const bound of this.#bindings(texts, limits)) {
      if (this.#countBound(texts, bound) === 0) continue;
      for (const parts of this.#cross(texts, bound, 0)) {
        const reading = Object.fromEntries(parts);
        found.set(JSON.stringify(this.names.map((name) => reading[name])), reading);
        if (found.size >= most || ++looked >= mostAlike) return [...found.values()];
      }
    }
    return [...found.values()];
  }

  /** The reading of nearly all paths, whose texts have one place each: found without counting. */
  #onlyReading(texts: readonly string[], limits: PartLimits): PathParts | undefined | 'several' {
    const reading: [string, string][] = [];
    const named = new Map<string, string>();
    for (const [c, component] of this.#plain.entries()) {
      const values = onlySplit(component, texts[c] as string);
      if (values === undefined || values === 'several') return values;
      for (const [i, part] of component.parts.entries()) {
        if (part === null) continue;
        const value = values[i] as string;
        const before = named.get(part.name);
        if ((before !== undefined && before !== value) || !keepsTo(part, value, limits)) return undefined;
        named.set(part.name, value);
      }
    }
    for (const name of this.names) reading.push([name, named.get(name) as string]);
    return Object.fromEntries(reading);
  }

  #countBound(texts: readonly string[], limits: PartLimits): number {
    let product = 1;
    for (const [c, tokens] of this.components.entries()) {
      const counts = countSplits(tokens, texts[c] as string, limits);
      product = Math.min(2, product * ((counts[0] as Uint8Array)[0] as number));
      if (product === 0) return 0;
    }
    return product;
  }

  *#cross(texts: readonly string[], limits: PartLimits, component: number): Generator<[string, string][]> {
    const tokens = this.components[component];
    if (!tokens) {
      yield [];
      return;
    }
    for (const parts of splits(tokens, texts[component] as string, limits)) {
      for (const rest of this.#cross(texts, limits, component + 1)) yield [...parts, ...rest];
    }
  }

  /** The limits with a text for every repeated name, in all ways that its places allow. */
  *#bindings(texts: readonly string[], limits: PartLimits): Generator<PartLimits> {
    if (this.repeated.length === 0) {
      yield limits;
      return;
    }
    yield* this.#bind(texts, limits, this.repeated, { trials: 0 });
  }

  *#bind(
    texts: readonly string[],
    limits: PartLimits,
    names: readonly string[],
    effort: { trials: number },
  ): Generator<PartLimits> {
    if (names.length === 0) {
      yield limits;
      return;
    }
    // First the name, and the place of it, that leaves the fewest possibilities: often a folder, which leaves one.
    let best: { name: string; values: Set<string> } | undefined;
    for (const name of names) {
      for (const [c, tokens] of this.components.entries()) {
        if (!tokens.some((token) => 'name' in token && token.name === name)) continue;
        const values = valuesOf(tokens, texts[c] as string, limits, name, best?.values.size ?? mostTrials);
        if (!best || values.size < best.values.size) best = { name, values };
      }
    }
    const { name, values } = best as { name: string; values: Set<string> };
    for (const value of values) {
      if (++effort.trials > mostTrials) {
        throw new DeepYeastError(
          'invalid-argument',
          `${this.text} repeats ${names.map((each) => `{${each}}`).join(', ')}, which could be too many parts of ` +
            `${texts.join('/').slice(0, 300)}; say what they look like, as in {${name}:word}, or name each part once`,
        );
      }
      const bound = new Map(limits.bound).set(name, value);
      yield* this.#bind(
        texts,
        { ...limits, bound },
        names.filter((other) => other !== name),
        effort,
      );
    }
  }
}
