/** What the pages of a TIFF are: which channel, plane and time each sample of each page shows. */

import { readFile, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { DeepYeastError, fileError } from '../errors';
import { type OmeDescription, type OmePlane, parseOmeXml, type TiffFile, type TiffPage } from '../files/tiff';
import { omePlanes } from '../files/tiff/ome-xml';

export interface TiffPlane {
  /** Images of an OME-TIFF are counted from 0; any other file is one. */
  image: number;
  /** All three from 0. */
  channel: number;
  z: number;
  t: number;
  /** Of the file itself, or of the one with this name beside it. */
  page: number;
  sample: number;
  fileName?: string;
}

export interface TiffContents {
  /** '' where a channel has no name. By image. */
  channelNames: string[][];
  /** Micrometres, by image. */
  pixelSizes: (number | undefined)[];
  planes: TiffPlane[];
  /** The file that describes the image, where that is another. */
  companion?: string;
  /** Whether the file says what its pages are; without that they count as channels. */
  described: boolean;
}

const colours = ['red', 'green', 'blue'];
const rgb = 2;

/** Reads what a file says of its pages. Throws `image-invalid`, or an Error without the path where it cannot be told. */
export async function readTiffContents(tiff: TiffFile): Promise<TiffContents> {
  const { source, ome } = tiff.dimensions;
  if (ome?.metadataFile !== undefined) return readCompanion(tiff, ome.metadataFile);
  if (ome && ome.images.length > 0)
    return requirePages(tiff, samplesAsChannels(tiff) ?? (await omeContents(ome, (image) => tiff.omePlanes(image))));
  const { images } = tiff;
  const [first] = images;
  if (!first) throw new Error('has only masks and thumbnails, expected an image');
  const names = first.photometric === rgb ? colours.slice(0, first.channels) : [];
  const { channels, slices, times } = tiff.dimensions;
  // Without a word on channels every sample of every page is one.
  const described = source !== 'none' && channels > 0;
  const order = described ? pageOrder(tiff, images, first) : (page: number) => ({ channel: page, z: 0, t: 0 });
  const planes = images.flatMap(({ index, channels: samples }, page) => {
    const { channel, z, t } = order(page);
    return Array.from({ length: samples }, (_, sample) => ({
      image: 0,
      channel: channel * samples + sample,
      z,
      t,
      page: index,
      sample,
    }));
  });
  const count = described ? Math.max(channels, first.channels) : images.length * first.channels;
  if (described && planes.length !== count * slices * times) {
    throw new Error(
      `has ${images.length} pages, expected those of ${channels} channels, ${slices} slices and ${times} times as its description says`,
    );
  }
  return {
    channelNames: [Array.from({ length: count }, (_, channel) => names[channel] ?? '')],
    pixelSizes: [undefined],
    planes,
    described,
  };
}

/** ImageJ and LSM count channels first, then slices, then times; tifffile does not say, so that one of them may vary. */
function pageOrder(tiff: TiffFile, images: readonly TiffPage[], first: TiffPage) {
  const { source, slices, times } = tiff.dimensions;
  // Samples of a page are channels, too.
  const channels = Math.max(1, Math.round(images.length / (slices * times)));
  if (source === 'metamorph' && slices > 1 && images.length === 1) {
    throw new Error('is a stack of MetaMorph with one page for all planes, which is not read: save it as plain TIFF');
  }
  const varying = [channels, slices, times].filter((count) => count > 1).length;
  if (source !== 'imagej' && source !== 'lsm' && varying > 1) {
    throw new Error(
      `has ${channels} channels, ${slices} slices and ${times} times of ${first.channels} samples and does not say in ` +
        'which order: save it as OME-TIFF or with ImageJ',
    );
  }
  return (page: number) => ({
    channel: page % channels,
    z: Math.floor(page / channels) % slices,
    t: Math.floor(page / (channels * slices)),
  });
}

/** Some writers count the samples of a page as channels of one sample each. */
function samplesAsChannels({ dimensions, images }: TiffFile): TiffContents | undefined {
  const [image, ...others] = dimensions.ome?.images ?? [];
  const [page] = images;
  if (!image || !page || others.length > 0 || images.length > 1) return undefined;
  if (page.channels < 2 || page.channels !== image.channelCount) return undefined;
  if (image.channels.some(({ samplesPerPixel }) => samplesPerPixel !== 1)) return undefined;
  return {
    channelNames: [image.channels.map(({ name }) => name)],
    pixelSizes: [image.pixelSize?.x],
    planes: image.channels.map((_, sample) => ({ image: 0, channel: sample, z: 0, t: 0, page: page.index, sample })),
    described: true,
  };
}

/** Throws where the description names a page or sample that the file does not have. */
function requirePages({ pages }: TiffFile, contents: TiffContents): TiffContents {
  for (const { page, sample, fileName } of contents.planes) {
    if (fileName !== undefined) continue;
    const found = pages[page];
    if (!found) throw new Error(`has ${pages.length} pages, expected page ${page} as its OME description says`);
    if (sample >= found.samples) {
      throw new Error(
        `has ${found.samples} samples in page ${page}, expected ${sample + 1} as its OME description says`,
      );
    }
  }
  return contents;
}

/** Bytes of a file that describes the images of others. */
const mostCompanionBytes = 2 ** 26;

/** The description of a file that keeps it in another (companion.ome). */
async function readCompanion(tiff: TiffFile, metadataFile: string): Promise<TiffContents> {
  const path = join(dirname(tiff.path), basename(metadataFile));
  let text: string;
  try {
    const { size } = await stat(path);
    if (size > mostCompanionBytes) throw new Error(`has ${size} bytes, expected at most ${mostCompanionBytes}`);
    text = await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') {
      throw new Error(`keeps its description in ${basename(metadataFile)}, which is missing`, { cause: error });
    }
    throw fileError('read', path, error);
  }
  let ome: OmeDescription;
  try {
    ome = parseOmeXml(text);
  } catch (error) {
    throw new DeepYeastError('image-invalid', `${path}: ${(error as Error).message}`, { cause: error });
  }
  const contents = await omeContents(ome, async (image) => {
    const described = ome.images[image];
    return described ? omePlanes(described, basename(tiff.path), undefined) : [];
  });
  return requirePages(tiff, { ...contents, companion: path });
}

async function omeContents(
  ome: OmeDescription,
  planesOf: (image: number) => Promise<OmePlane[]>,
): Promise<TiffContents> {
  const contents: TiffContents = { channelNames: [], pixelSizes: [], planes: [], described: true };
  for (const [image, { channels, pixelSize }] of ome.images.entries()) {
    const names: string[] = [];
    const firsts: number[] = [];
    for (const { name, samplesPerPixel } of channels) {
      firsts.push(names.length);
      for (let sample = 0; sample < samplesPerPixel; sample++) {
        names.push(samplesPerPixel > 1 ? (colours[sample] ?? '') : name);
      }
    }
    contents.channelNames.push(names);
    contents.pixelSizes.push(pixelSize?.x);
    for (const { channel, slice, time, page, fileName } of await planesOf(image)) {
      const samples = channels[channel]?.samplesPerPixel ?? 1;
      for (let sample = 0; sample < samples; sample++) {
        const place = { image, channel: (firsts[channel] as number) + sample, z: slice, t: time, page, sample };
        contents.planes.push(fileName === undefined ? place : { ...place, fileName });
      }
    }
  }
  return contents;
}
