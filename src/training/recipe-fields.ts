/** Reading and checking the fields of a recipe, whose messages name the field, what was found and what is expected. */
import { closest } from 'fastest-levenshtein';
import { DeepYeastError } from '../errors';

export type Fields = Record<string, unknown>;

/** The error of a recipe from `source`. */
export function invalid(source: string, message: string): DeepYeastError {
  return new DeepYeastError('recipe-invalid', `${source}: ${message}`);
}

/** An object with no other fields than `known`. */
export function fieldsOf(value: unknown, source: string, known: readonly string[]): Fields {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw invalid(source, `found ${JSON.stringify(value)}, expected an object with ${known.join(', ')}`);
  }
  for (const key of Object.keys(value)) {
    if (!known.includes(key)) {
      throw invalid(
        source,
        `there is no field "${key}"; did you mean "${closest(key, known)}"? (The fields are ${known.join(', ')}.)`,
      );
    }
  }
  return value as Fields;
}

/** A finite number that is accepted; `expected` says which are. */
export function numberField(
  fields: Fields,
  key: string,
  source: string,
  accept: (value: number) => boolean,
  expected: string,
) {
  const value = fields[key];
  if (typeof value !== 'number' || !Number.isFinite(value) || !accept(value)) {
    throw invalid(source, `${key} is ${JSON.stringify(value)}; expected ${expected}`);
  }
  return value;
}

/** One of `choices`. */
export function choiceField<Choice extends string>(
  fields: Fields,
  key: string,
  source: string,
  choices: readonly Choice[],
): Choice {
  const value = fields[key];
  if (!choices.includes(value as Choice)) {
    const hint = typeof value === 'string' ? `; did you mean "${closest(value, choices)}"?` : '';
    throw invalid(source, `${key} is ${JSON.stringify(value)}; expected ${choices.join(' or ')}${hint}`);
  }
  return value as Choice;
}

export const positive = (value: number) => value > 0;
export const notNegative = (value: number) => value >= 0;
export const wholeFrom1 = (value: number) => Number.isSafeInteger(value) && value >= 1 && value < 2 ** 32;

/** Two numbers that are accepted, the smaller one first. */
export function rangeField(
  fields: Fields,
  key: string,
  source: string,
  accept: (value: number) => boolean,
  expected: string,
): [least: number, most: number] {
  const value = fields[key];
  const [least, most] = Array.isArray(value) && value.length === 2 ? (value as unknown[]) : [];
  const isEnd = (end: unknown): end is number => typeof end === 'number' && Number.isFinite(end) && accept(end);
  if (!isEnd(least) || !isEnd(most) || least > most) {
    throw invalid(source, `${key} is ${JSON.stringify(value)}; expected [least, most]: two ${expected}`);
  }
  return [least, most];
}
