import { parseWholeNumber } from '../files/number';
import type { ChannelChoice } from './raw-image';

/** Names of the planes of an RGB picture. */
export const rgbNames: readonly string[] = ['red', 'green', 'blue'];

/**
 * The plane of each channel. `names` may be empty. Without explicit choices: by name where the file names its planes as
 * the dataset does, else by position; then there must be as many, except that two channels may be the red and the green
 * of an RGB picture.
 */
export function choosePlanes(channels: readonly ChannelChoice[], count: number, names: readonly string[]): number[] {
  const listed = names.some((name) => name !== '') ? `, named ${names.join(', ')}` : '';
  const position = (text: string) => names.findIndex((name) => name.toLowerCase() === text.toLowerCase());
  const explicit = channels.some(({ name, plane }) => plane !== undefined || position(name) >= 0);
  const redAndGreen = rgbNames.every((name, at) => names[at] === name) && channels.length === 2;
  if (!explicit && count !== channels.length && !redAndGreen) {
    throw new Error(
      `has ${count} ${count === 1 ? 'channel' : 'channels'}${listed}, expected ${channels.length}: say which is which, ` +
        `as in --channels ${channels.map(({ name }, index) => `${name}=${index}`).join(',')}`,
    );
  }
  return channels.map(({ name, plane }, index) => {
    if (!explicit) return index;
    const text = plane ?? name;
    const byName = position(text);
    if (byName >= 0) return byName;
    const byNumber = parseWholeNumber(text);
    if (byNumber !== undefined && byNumber < count) return byNumber;
    throw new Error(`has no channel "${text}" for ${name}: found ${count} (from 0)${listed}`);
  });
}
