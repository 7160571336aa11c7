/** One image of a cell from a TIFF file: which page and sample is which channel. */

import { describeSamples, type OmeImage, type Samples, type TiffFile, type TiffPage } from '../files/tiff';
import { choosePlanes, rgbNames } from './choose-planes';
import { requireSize, withinBudget } from './image-limits';
import type { AcceptSize, ChannelChoice, RawImage } from './raw-image';

/** Where a channel of the file is. */
interface Plane {
  page: TiffPage;
  sample: number;
}

/** The planes of a file that may be channels, with their names ('' or none where it gives none). */
interface Planes {
  planes: Plane[];
  names: string[];
}

/**
 * Reads the chosen channels. A plane is one sample of one page; masks, thumbnails and alpha are none.
 * @throws Error that says what is wrong, without the path; image-invalid
 */
export async function readTiffImage(
  tiff: TiffFile,
  channels: readonly ChannelChoice[],
  accept: AcceptSize,
): Promise<RawImage> {
  if (tiff.images.length === 0) throw new Error('has no image, only masks or thumbnails');
  refuseStacks(tiff);
  const described = tiff.dimensions.ome?.images[0];
  const { planes, names } = described
    ? await channelsByDescription(tiff, described, channels)
    : channelsByPage(tiff, channels);
  const chosen = choosePlanes(channels, planes.length, names).map((index) => planes[index] as Plane);
  const [{ page: first }] = chosen as [Plane];
  for (const { page } of chosen) requireAlike(first, page);
  requireSize(first.width, first.height);
  accept(first.width, first.height);
  return withinBudget(first.width * first.height * first.bits * first.samples, async () => ({
    width: first.width,
    height: first.height,
    eightBit: first.bits === 8 && first.format === 'unsigned',
    sampleType: describeSamples(first),
    planes: await readAll(tiff, chosen),
  }));
}

/** The samples of the planes; those of one page are unpacked together. */
async function readAll(tiff: TiffFile, planes: readonly Plane[]): Promise<Samples[]> {
  const samplesOfPage = new Map<number, number[]>();
  for (const { page, sample } of planes)
    samplesOfPage.set(page.index, [...(samplesOfPage.get(page.index) ?? []), sample]);
  const read = new Map<string, Samples>();
  for (const [page, samples] of samplesOfPage) {
    const values = await tiff.readPlanes(page, samples);
    for (const [at, sample] of samples.entries()) read.set(`${page}/${sample}`, values[at] as Samples);
  }
  return planes.map(({ page, sample }) => read.get(`${page.index}/${sample}`) as Samples);
}

/** Which plane of a stack is meant is not ours to guess. */
function refuseStacks({ dimensions }: TiffFile): void {
  const { slices, times, ome } = dimensions;
  if (slices * times !== 1) {
    throw new Error(`is a stack of ${slices} planes and ${times} times, expected one plane: project or cut it first`);
  }
  if (ome && ome.images.length > 1) {
    throw new Error(
      `holds ${ome.images.length} images by its OME description, expected one: cut it into files of one image`,
    );
  }
}

function requireAlike(first: TiffPage, page: TiffPage): void {
  if (page.width !== first.width || page.height !== first.height) {
    throw new Error(
      `has pages of different sizes, ${first.width} x ${first.height} and ${page.width} x ${page.height} pixels`,
    );
  }
  if (describeSamples(page) !== describeSamples(first)) {
    throw new Error(`has pages of different samples, ${describeSamples(first)} and ${describeSamples(page)}`);
  }
}

/** Every channel of every page, one after the other. */
function channelsByPage({ images, dimensions }: TiffFile, channels: readonly ChannelChoice[]): Planes {
  const [first] = images as [TiffPage];
  const companion = dimensions.ome?.metadataFile;
  if (companion !== undefined && images.length > 1 && channels.every(({ plane }) => plane === undefined)) {
    throw new Error(
      `is described in another file (${companion}): say which page is which, as in --channels rfp=0,gfp=1`,
    );
  }
  const uneven = images.find((page) => page.channels !== first.channels);
  if (uneven)
    throw new Error(`has pages of ${first.channels} and of ${uneven.channels} samples, expected as many in each`);
  const planes = images.flatMap((page) => Array.from({ length: page.channels }, (_, sample) => ({ page, sample })));
  const told = dimensions.channels;
  if (told > 0 && told !== planes.length && told !== images.length) {
    throw new Error(
      `has ${planes.length} planes, expected ${told} channels as its description (${dimensions.source}) says`,
    );
  }
  const isPicture = images.length === 1 && first.channels >= 3 && isRgb(first);
  if (isPicture) return { planes, names: [...rgbNames] };
  // A composite of ImageJ: a label a channel.
  const labels = dimensions.labels ?? [];
  return { planes, names: labels.length === planes.length && planes.length > 1 ? labels : [] };
}

function isRgb({ photometric }: TiffPage): boolean {
  return photometric === 2 || photometric === 6;
}

/** The channels of an OME description, of which each may have several samples of a page. */
async function channelsByDescription(
  tiff: TiffFile,
  image: OmeImage,
  channels: readonly ChannelChoice[],
): Promise<Planes> {
  const [first] = tiff.images as [TiffPage];
  const located = await tiff.omePlanes();
  const found: { plane: Plane | undefined; name: string; fileName: string }[] = [];
  // Some writers count the samples of a page as channels of one sample each.
  const oneEach = image.channels.every(({ samplesPerPixel }) => samplesPerPixel === 1);
  if (oneEach && tiff.images.length === 1 && first.channels > 1 && first.channels === image.channelCount) {
    return {
      planes: image.channels.map((_, sample) => ({ page: first, sample })),
      names: image.channels.map(({ name }) => name),
    };
  }
  for (const [index, { name, samplesPerPixel }] of image.channels.entries()) {
    const plane = located.find(({ channel }) => channel === index);
    if (!plane) throw new Error(`does not say in its OME description where channel ${index} is`);
    const { page: number, fileName } = plane;
    if (fileName === undefined) requirePage(tiff, number, index, samplesPerPixel);
    const rgb = samplesPerPixel === 3 && image.channels.length === 1 && isRgb(first);
    for (let sample = 0; sample < samplesPerPixel; sample++) {
      found.push({
        plane: fileName === undefined ? { page: tiff.pages[number] as TiffPage, sample } : undefined,
        name: rgb ? (rgbNames[sample] as string) : samplesPerPixel === 1 ? name : '',
        fileName: fileName ?? '',
      });
    }
  }
  const own = found.filter(({ plane }) => plane !== undefined);
  if (own.length < found.length) requireOwn(found, own.length, channels);
  return { planes: own.map(({ plane }) => plane as Plane), names: own.map(({ name }) => name) };
}

function requirePage(tiff: TiffFile, number: number, channel: number, samples: number): void {
  const page = tiff.pages[number];
  if (!page) throw new Error(`has ${tiff.pages.length} pages, expected page ${number} for channel ${channel}`);
  if (page.kind !== 'image')
    throw new Error(`has a mask or a thumbnail as page ${number}, expected channel ${channel}`);
  if (page.channels !== samples) {
    throw new Error(`has ${page.channels} samples in page ${number}, expected ${samples} of channel ${channel}`);
  }
}

/**
 * One channel may be asked of a file that holds one of several; everything else would take a plane for a channel that lies
 * in another file.
 */
function requireOwn(
  found: readonly { plane: Plane | undefined; name: string; fileName: string }[],
  own: number,
  channels: readonly ChannelChoice[],
): void {
  const elsewhere = found.flatMap(({ plane, name, fileName }, index) => (plane ? [] : [{ index, name, fileName }]));
  const asked = channels.length === 1 && own === 1 && channels[0]?.plane === undefined ? channels[0]?.name : undefined;
  const contradicted = elsewhere.find(({ name }) => name !== '' && name.toLowerCase() === asked?.toLowerCase());
  if (asked !== undefined && !contradicted) return;
  const { index, fileName } = contradicted ?? (elsewhere[0] as { index: number; fileName: string });
  throw new Error(
    `has channel ${index} in another file (${fileName}) by its OME description: name a file per channel, ` +
      "as in --pattern '{cell}_{channel}.ome.tif' --channels rfp,gfp",
  );
}
