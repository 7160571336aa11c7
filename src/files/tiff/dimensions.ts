/** What a TIFF file says of its pages: which are channels, which slices of a stack, which times. */

import type { Directory } from './directory';
import { imageJLabels } from './imagej-labels';
import { isOmeXml, type OmeDescription, parseOmeXml } from './ome-xml';
import { descriptions } from './page';

export interface Dimensions {
  /** Who says so; `none`: nobody, the pages are just pages. */
  source: 'ome' | 'imagej' | 'tifffile' | 'metamorph' | 'lsm' | 'none';
  /** 0 where the file does not say what its pages are. */
  channels: number;
  slices: number;
  times: number;
  /** The image description of the first page, OME-XML before others. */
  description?: string;
  /** What ImageJ calls its planes, in their order. */
  labels?: string[];
  /** All of the OME-XML; the numbers above are those of its first image. */
  ome?: OmeDescription;
}

const tags = { metamorph: 33629, lsm: 34412 } as const;
const unknown: Dimensions = { source: 'none', channels: 0, slices: 1, times: 1 };

/**
 * Reads the dimensions from the first page.
 * @param pages number of pages, masks and thumbnails not counted
 * @throws Error where the description is damaged or contradicts the pages
 */
export async function readDimensions(first: Directory, pages: number): Promise<Dimensions> {
  const texts = await descriptions(first);
  const description = texts.find(isOmeXml) ?? texts[0];
  const found = await interpret(first, texts, pages);
  return description === undefined ? found : { ...found, description };
}

async function interpret(first: Directory, texts: readonly string[], pages: number): Promise<Dimensions> {
  const ome = texts.find(isOmeXml);
  if (ome !== undefined) return omeDimensions(ome);
  for (const text of texts) {
    const stack = imageJ(text, pages);
    if (stack) return { ...stack, labels: await imageJLabels(first) };
    const shaped = tifffile(text, pages);
    if (shaped) return shaped;
  }
  if (first.has(tags.metamorph)) {
    // One value a plane, of which only the first has a page.
    const planes = first.count(tags.metamorph);
    return planes > 1 ? { source: 'metamorph', channels: 1, slices: planes, times: 1 } : unknown;
  }
  return (await lsm(first)) ?? unknown;
}

function omeDimensions(text: string): Dimensions {
  const ome = parseOmeXml(text);
  const [image] = ome.images;
  if (!image) return { ...unknown, source: 'ome', ome };
  return { source: 'ome', channels: image.channelCount, slices: image.slices, times: image.times, ome };
}

function imageJ(text: string, pages: number): Dimensions | undefined {
  if (!text.startsWith('ImageJ=')) return undefined;
  const number = (name: string, missing: number) => {
    const found = new RegExp(`^${name}=(.*)$`, 'm').exec(text)?.[1]?.trim();
    if (found === undefined) return missing;
    if (!/^\d{1,9}$/.test(found))
      throw new Error(`has ${name}=${found} in its ImageJ description, expected a whole number`);
    return Number(found);
  };
  const [images, channels, slices, times] = [
    number('images', 1),
    number('channels', 0),
    number('slices', 0),
    number('frames', 0),
  ];
  const planes = Math.max(1, channels) * Math.max(1, slices) * Math.max(1, times);
  const told = channels + slices + times > 0;
  if (images > 1 || planes > 1) {
    // ImageJ keeps only the first page of a stack of more than 4 GB.
    if (images !== pages) throw new Error(`has ${pages} pages, expected ${images} as its ImageJ description says`);
    if (told && planes !== images) {
      throw new Error(
        `has ${images} images of ${channels} channels, ${slices} slices and ${times} frames in its ImageJ description`,
      );
    }
  }
  // Without any of the three, ImageJ takes the images as slices.
  if (!told) return { source: 'imagej', channels: 1, slices: images, times: 1 };
  return { source: 'imagej', channels: Math.max(1, channels), slices: Math.max(1, slices), times: Math.max(1, times) };
}

/** tifffile's JSON: {"shape": [2, 64, 64], "axes": "ZYX"}. */
function tifffile(text: string, pages: number): Dimensions | undefined {
  if (!text.startsWith('{"shape":')) return undefined;
  let found: { shape?: unknown; axes?: unknown; truncated?: unknown };
  try {
    found = JSON.parse(text);
  } catch (error) {
    throw new Error('has a damaged description by tifffile', { cause: error });
  }
  const { shape, axes, truncated } = found;
  if (!Array.isArray(shape) || !shape.every((size) => Number.isInteger(size) && size >= 0)) return undefined;
  if (truncated === true && pages === 1) throw new Error('has planes without pages of their own, by its description');
  if (typeof axes !== 'string' || axes.length !== shape.length) return undefined;
  const size = (axis: string) =>
    shape.reduce((product, value, at) => (axes[at] === axis ? product * value : product), 1);
  // I and Q are axes of no stated meaning, S the samples of a page.
  const others = [...axes].reduce(
    (product, axis, at) => ('CIQSYXTZ'.includes(axis) ? product : product * shape[at]),
    1,
  );
  const untold = size('I') * size('Q') > 1;
  return {
    source: 'tifffile',
    channels: untold ? 0 : size('C') * size('S'),
    slices: size('Z') * others,
    times: size('T'),
  };
}

/** Zeiss LSM: numbers behind a magic one. */
async function lsm(first: Directory): Promise<Dimensions | undefined> {
  const bytes = await first.bytes(tags.lsm, 28);
  if (!bytes || bytes.length < 28) return undefined;
  const [slices, channels, times] = [16, 20, 24].map((at) => bytes.readInt32LE(at)) as [number, number, number];
  if (!(slices > 0 && channels > 0 && times > 0)) return undefined;
  return { source: 'lsm', channels, slices, times };
}
