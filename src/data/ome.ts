/** The part of OME-XML (the image description of an OME-TIFF) that says which page holds which channel. */

import { findTagsByName, getAttribute } from 'xml-utils';
import { parseHexadecimal, parseWholeNumber } from '../files/number';

export interface OmeChannels {
  /** Names of the channels; a channel without a name has ''. */
  names: string[];
  /** Page of each channel. */
  pages: number[];
}

/**
 * Channels of the first image of an OME-XML description, or undefined where the text is something else. A stack in depth
 * or time is an error: which plane is meant is not ours to guess.
 */
export function parseOmeChannels(description: string): OmeChannels | undefined {
  if (!/<(\w+:)?OME[\s>]/.test(description)) return undefined;
  const [pixels] = findTagsByName(description, 'Pixels');
  if (!pixels?.inner) return undefined;
  const number = (tag: { outer: string }, name: string, missing: number) => {
    return parseWholeNumber(getAttribute(tag.outer, name) ?? '') ?? missing;
  };
  const channels = number(pixels, 'SizeC', 1);
  if (channels > 4096) throw new Error(`claims ${channels} channels`);
  const depth = number(pixels, 'SizeZ', 1);
  const times = number(pixels, 'SizeT', 1);
  if (depth * times !== 1) {
    throw new Error(`is a stack of ${depth} planes and ${times} times, expected one plane: project or cut it first`);
  }
  const names = Array.from({ length: channels }, () => '');
  for (const [index, tag] of findTagsByName(pixels.inner, 'Channel').entries()) {
    const name = getAttribute(tag.outer, 'Name');
    if (index < channels && name !== undefined) names[index] = decodeEntities(name);
  }
  // With one plane and one time, pages follow the channels unless TiffData says otherwise.
  const pages = names.map((_, index) => index);
  for (const tag of findTagsByName(pixels.inner, 'TiffData')) {
    const page = number(tag, 'IFD', -1);
    const channel = number(tag, 'FirstC', 0);
    if (page >= 0 && channel < channels) {
      const planes = number(tag, 'PlaneCount', 1);
      for (let plane = 0; plane < planes && channel + plane < channels; plane++) pages[channel + plane] = page + plane;
    }
  }
  return { names, pages };
}

const entities: Record<string, string> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" };

function decodeEntities(text: string): string {
  return text.replace(/&(?:#x([\da-f]+)|#(\d+)|(\w+));/gi, (whole, hex, decimal, name) => {
    const code =
      hex !== undefined ? parseHexadecimal(hex) : decimal !== undefined ? parseWholeNumber(decimal) : undefined;
    if (code !== undefined) return code <= 0x10ffff ? String.fromCodePoint(code) : whole;
    return entities[name] ?? whole;
  });
}
