/**
 * The index that Harmony (Opera Phenix, Operetta) writes beside its images. The schemas HarmonyV4 and HarmonyV5 repeat
 * what they know of a channel in each Image; HarmonyV6 and HarmonyV7 say it once, in Maps/Map/Entry. The file is
 * Index.idx.xml or Index.xml, beside the images or in the folder above them; an archive (Harmony 5.1 and later) has it
 * under any name in the folder `index` beside `images`.
 */

import { parseNumber, parseWholeNumber } from '../../files/number';
import { readXmlFile } from '../xml';

/** What an index says of one image. */
export interface HarmonyImage {
  /** The file's name without folders. */
  file: string;
  row: number;
  column: number;
  field: number;
  z: number;
  /** From 1. */
  t: number;
  channel: number;
  /** Micrometres from the middle of the well. */
  position?: { x: number; y: number };
}

export interface HarmonyChannel {
  name?: string;
  /** Micrometres. */
  pixelSize?: number;
  width?: number;
  height?: number;
}

export interface HarmonyIndex {
  path: string;
  plate?: string;
  images: Map<string, HarmonyImage>;
  /** By the channel's number as text. */
  channels: Map<string, HarmonyChannel>;
}

/** Texts of the elements of an Image or of an Entry, and the units of those that have one. */
interface Elements {
  texts: Map<string, string>;
  units: Map<string, string>;
}

/** Elements of which something is used; there are about forty in an Image. */
const used = new Set([
  'URL',
  'Row',
  'Col',
  'FieldID',
  'PlaneID',
  'TimepointID',
  'ChannelID',
  'ChannelName',
  'ImageResolutionX',
  'ImageSizeX',
  'ImageSizeY',
  'PositionX',
  'PositionY',
]);

/** Reads an index; undefined where the file is another kind of XML. Throws `image-invalid`, `io-error`. */
export async function readHarmonyIndex(path: string): Promise<HarmonyIndex | undefined> {
  const images = new Map<string, HarmonyImage>();
  const channels = new Map<string, HarmonyChannel>();
  let root: string | undefined;
  let plateName: string | undefined;
  let plateId: string | undefined;
  let timesFromZero = false;
  let current: Elements | undefined;
  let entry: number | undefined;
  await readXmlFile(path, {
    open(name, attributes, ancestors) {
      root ??= name;
      const parent = ancestors.at(-1);
      if (name === 'Image' && parent === 'Images') current = { texts: new Map(), units: new Map() };
      else if (name === 'Entry' && parent === 'Map') {
        current = { texts: new Map(), units: new Map() };
        entry = wholeNumber(attributes.ChannelID);
      } else if (current && used.has(name) && attributes.Unit) current.units.set(name, attributes.Unit);
    },
    close(name, text, ancestors) {
      const parent = ancestors.at(-1);
      if (parent === 'Plate' && name === 'Name') plateName = text;
      else if (parent === 'Plate' && name === 'PlateID') plateId = text;
      else if (current && (parent === 'Image' || parent === 'Entry') && used.has(name)) current.texts.set(name, text);
      else if (current && name === 'Image' && parent === 'Images') {
        const image = readImageElement(current);
        const id = image?.channel ?? wholeNumber(current.texts.get('ChannelID'));
        if (id !== undefined) addChannel(channels, id, current);
        if (image) {
          images.set(image.file, image);
          if (image.t === 0) timesFromZero = true;
        }
        current = undefined;
      } else if (current && name === 'Entry' && parent === 'Map') {
        if (entry !== undefined) addChannel(channels, entry, current);
        current = undefined;
      }
    },
  });
  if (root !== 'EvaluationInputData') return undefined;
  if (timesFromZero) for (const image of images.values()) image.t++;
  const plate = plateName || plateId;
  return { path, images, channels, ...(plate && { plate }) };
}

function readImageElement({ texts, units }: Elements): HarmonyImage | undefined {
  const number = (name: string, missing?: number) => wholeNumber(texts.get(name)) ?? missing;
  const file = (texts.get('URL') ?? '').split(/[/\\]/).at(-1);
  const [row, column, field, z, t, channel] = [
    number('Row'),
    number('Col'),
    number('FieldID'),
    number('PlaneID', 1),
    number('TimepointID', 1),
    number('ChannelID'),
  ];
  if (!file || row === undefined || column === undefined || field === undefined || channel === undefined) {
    return undefined;
  }
  const x = micrometres(texts.get('PositionX'), units.get('PositionX'));
  const y = micrometres(texts.get('PositionY'), units.get('PositionY'));
  const image = { file, row, column, field, z: z as number, t: t as number, channel };
  return x !== undefined && y !== undefined ? { ...image, position: { x, y } } : image;
}

function addChannel(channels: Map<string, HarmonyChannel>, id: number, { texts, units }: Elements): void {
  const channel = channels.get(String(id)) ?? {};
  const name = texts.get('ChannelName');
  const pixelSize = micrometres(texts.get('ImageResolutionX'), units.get('ImageResolutionX'));
  const width = wholeNumber(texts.get('ImageSizeX'));
  const height = wholeNumber(texts.get('ImageSizeY'));
  if (name) channel.name ??= name;
  if (pixelSize !== undefined && pixelSize > 0) channel.pixelSize ??= pixelSize;
  if (width) channel.width ??= width;
  if (height) channel.height ??= height;
  channels.set(String(id), channel);
}

function wholeNumber(text: string | undefined): number | undefined {
  return text === undefined ? undefined : parseWholeNumber(text);
}

const micrometresIn = new Map([
  ['m', 1e6],
  ['mm', 1e3],
  ['um', 1],
  ['µm', 1],
]);

/** Harmony writes metres. */
function micrometres(text: string | undefined, unit = 'm'): number | undefined {
  const value = parseNumber(text ?? '');
  const factor = micrometresIn.get(unit);
  return value !== undefined && factor !== undefined ? value * factor : undefined;
}
