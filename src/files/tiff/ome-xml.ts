/** OME-XML, the image description of an OME-TIFF: which plane of the file holds which channel, slice and time. */

import { SaxesParser, type SaxesTagPlain } from 'saxes';

export interface OmeChannel {
  /** '' where the file gives none. */
  name: string;
  /** Channels may share a page, as the colours of RGB do. */
  samplesPerPixel: number;
}

/** Where planes are: `planeCount` pages from `ifd` on, beginning with the given channel, slice and time. */
export interface OmeTiffData {
  ifd: number | undefined;
  planeCount: number | undefined;
  firstChannel: number;
  firstSlice: number;
  firstTime: number;
  /** The file, where another than this one may be meant. */
  fileName?: string;
  uuid?: string;
}

/** One <Image> with its <Pixels>. */
export interface OmeImage {
  id: string;
  name: string;
  width: number;
  height: number;
  channelCount: number;
  slices: number;
  times: number;
  /** As in the file: XYCZT, ... */
  dimensionOrder: string;
  /** Micrometres, where the file gives them. */
  pixelSize?: { x: number; y: number };
  channels: OmeChannel[];
  tiffData: OmeTiffData[];
}

export interface OmeDescription {
  uuid: string | undefined;
  /** Set where the description is kept in another file. */
  metadataFile?: string;
  images: OmeImage[];
}

/** Where one plane of an image is. */
export interface OmePlane {
  channel: number;
  slice: number;
  time: number;
  /** Number of the page in its file. */
  page: number;
  /** The file that holds it; undefined: this one. */
  fileName?: string;
}

/** What an image may have of planes, channels times slices times times. */
const mostPlanes = 1 << 20;

/** Whether a description is OME-XML. */
export function isOmeXml(description: string): boolean {
  return /<(\w+:)?OME[\s>]/.test(description.slice(0, 4096));
}

/**
 * Reads OME-XML.
 * @throws Error that says what is wrong
 */
export function parseOmeXml(text: string): OmeDescription {
  const description: OmeDescription = { uuid: undefined, images: [] };
  let image: OmeImage | undefined;
  let data: OmeTiffData | undefined;
  let inUuid = false;
  const open = (tag: SaxesTagPlain) => {
    const attributes = tag.attributes as Record<string, string>;
    switch (localName(tag.name)) {
      case 'OME':
        description.uuid = attributes.UUID;
        break;
      case 'BinaryOnly':
        description.metadataFile = attributes.MetadataFile ?? '';
        break;
      case 'Image':
        image = newImage(attributes);
        break;
      case 'Pixels':
        if (image) {
          readPixels(image, attributes);
          description.images.push(image);
        }
        break;
      case 'Channel':
        image?.channels.push({ name: attributes.Name ?? '', samplesPerPixel: count(attributes, 'SamplesPerPixel', 1) });
        break;
      case 'TiffData':
        data = newTiffData(attributes);
        image?.tiffData.push(data);
        break;
      case 'UUID':
        if (data && attributes.FileName !== undefined) data.fileName = attributes.FileName;
        inUuid = data !== undefined;
        break;
    }
  };
  const close = (tag: SaxesTagPlain) => {
    const name = localName(tag.name);
    if (name === 'TiffData') data = undefined;
    else if (name === 'UUID') inUuid = false;
    else if (name === 'Image') image = undefined;
  };
  const parser = new SaxesParser();
  parser.on('error', (error) => {
    throw new Error(`has a damaged OME description: ${error.message}`);
  });
  parser.on('opentag', open);
  parser.on('closetag', close);
  parser.on('text', (value) => {
    if (inUuid && data) data.uuid = value.trim();
  });
  parser.write(text).close();
  for (const found of description.images) requireChannels(found);
  return description;
}

function localName(name: string): string {
  return name.slice(name.indexOf(':') + 1);
}

function newImage(attributes: Record<string, string>): OmeImage {
  return {
    id: attributes.ID ?? '',
    name: attributes.Name ?? '',
    width: 0,
    height: 0,
    channelCount: 1,
    slices: 1,
    times: 1,
    dimensionOrder: 'XYCZT',
    channels: [],
    tiffData: [],
  };
}

function readPixels(image: OmeImage, attributes: Record<string, string>): void {
  image.width = count(attributes, 'SizeX', 0);
  image.height = count(attributes, 'SizeY', 0);
  image.channelCount = count(attributes, 'SizeC', 1);
  image.slices = count(attributes, 'SizeZ', 1);
  image.times = count(attributes, 'SizeT', 1);
  image.dimensionOrder = attributes.DimensionOrder ?? 'XYCZT';
  if (!/^XY(CZT|CTZ|ZCT|ZTC|TCZ|TZC)$/.test(image.dimensionOrder)) {
    throw new Error(
      `has the order of dimensions "${image.dimensionOrder}" in its OME description, expected one such as XYCZT`,
    );
  }
  if (!(image.channelCount * image.slices * image.times <= mostPlanes)) {
    throw new Error(
      `claims ${image.channelCount} channels, ${image.slices} slices and ${image.times} times in its OME description, expected at most ${mostPlanes} planes`,
    );
  }
  const x = micrometres(attributes.PhysicalSizeX, attributes.PhysicalSizeXUnit);
  const y = micrometres(attributes.PhysicalSizeY, attributes.PhysicalSizeYUnit);
  if (x !== undefined && y !== undefined) image.pixelSize = { x, y };
}

const unitsInMicrometres: Record<string, number> = {
  m: 1e6,
  cm: 1e4,
  mm: 1e3,
  µm: 1,
  μm: 1,
  um: 1,
  nm: 1e-3,
  pm: 1e-6,
};

function micrometres(text: string | undefined, unit = 'µm'): number | undefined {
  const factor = Object.hasOwn(unitsInMicrometres, unit) ? unitsInMicrometres[unit] : undefined;
  if (text === undefined || factor === undefined || !/^[\d.]+(e[+-]?\d+)?$/i.test(text)) return undefined;
  const size = Number(text) * factor;
  return size > 0 && Number.isFinite(size) ? size : undefined;
}

function newTiffData(attributes: Record<string, string>): OmeTiffData {
  return {
    ifd: attributes.IFD === undefined ? undefined : count(attributes, 'IFD', 0),
    planeCount: attributes.PlaneCount === undefined ? undefined : count(attributes, 'PlaneCount', 0),
    firstChannel: count(attributes, 'FirstC', 0),
    firstSlice: count(attributes, 'FirstZ', 0),
    firstTime: count(attributes, 'FirstT', 0),
  };
}

function count(attributes: Record<string, string>, name: string, missing: number): number {
  const text = attributes[name];
  if (text === undefined) return missing;
  if (!/^\s*\d{1,9}\s*$/.test(text))
    throw new Error(`has ${name}="${text}" in its OME description, expected a whole number`);
  return Number(text);
}

/** Without channels in the description there are as many as SizeC says, of one sample each. */
function requireChannels(image: OmeImage): void {
  if (image.channels.length === 0) {
    image.channels = Array.from({ length: image.channelCount }, () => ({ name: '', samplesPerPixel: 1 }));
  }
  const samples = image.channels.reduce((sum, channel) => sum + channel.samplesPerPixel, 0);
  if (samples !== image.channelCount) {
    // Some writers list fewer channels than there are.
    if (samples > image.channelCount || image.channels.some((channel) => channel.samplesPerPixel !== 1)) {
      throw new Error(
        `lists channels of ${samples} samples in its OME description, expected ${image.channelCount} as SizeC says`,
      );
    }
    while (image.channels.length < image.channelCount) image.channels.push({ name: '', samplesPerPixel: 1 });
  }
}

/**
 * Where each plane of an image is, in the order of the file; planes of which the description says nothing are left out. A
 * channel of several samples is one plane.
 * @param fileName this file's name without folders
 * @param uuid this file's own identifier: planes of other files carry those files' names
 * @throws Error where the description contradicts itself
 */
export function omePlanes(image: OmeImage, fileName: string, uuid: string | undefined): OmePlane[] {
  const sizes = { C: image.channels.length, Z: image.slices, T: image.times };
  const order = image.dimensionOrder.slice(2) as string;
  const total = sizes.C * sizes.Z * sizes.T;
  const [a, b, c] = [...order] as ['C', 'Z', 'T'];
  const planeAt = (number: number) => {
    const position = { C: 0, Z: 0, T: 0 };
    position[a] = number % sizes[a];
    position[b] = Math.floor(number / sizes[a]) % sizes[b];
    position[c] = Math.floor(number / (sizes[a] * sizes[b]));
    return { channel: position.C, slice: position.Z, time: position.T };
  };
  const numberOf = (first: OmeTiffData) => {
    const position = { C: first.firstChannel, Z: first.firstSlice, T: first.firstTime };
    if (position.C >= sizes.C || position.Z >= sizes.Z || position.T >= sizes.T) {
      throw new Error('names a plane in its OME description that is not among its dimensions');
    }
    return position[a] + sizes[a] * (position[b] + sizes[b] * position[c]);
  };
  const entries = image.tiffData.length > 0 ? image.tiffData : [newTiffData({})];
  const isOwn = ownership(entries, fileName, uuid);
  const planes = new Map<number, OmePlane>();
  for (const entry of entries) {
    const first = numberOf(entry);
    const wanted = entry.planeCount ?? (entry.ifd === undefined ? total : 1);
    if (first + wanted > total) throw new Error(`has more planes in its OME description than its ${total}`);
    for (let step = 0; step < wanted; step++) {
      if (planes.has(first + step)) throw new Error('names a plane twice in its OME description');
      const place = { ...planeAt(first + step), page: (entry.ifd ?? 0) + step };
      planes.set(first + step, isOwn(entry) ? place : { ...place, fileName: entry.fileName ?? entry.uuid ?? '' });
    }
  }
  return [...planes.keys()].sort((first, second) => first - second).map((number) => planes.get(number) as OmePlane);
}

/** Which entries mean this file: by its name, by its identifier, or since they mean no other. */
function ownership(
  entries: readonly OmeTiffData[],
  fileName: string,
  uuid: string | undefined,
): (entry: OmeTiffData) => boolean {
  const named = entries.filter((entry) => entry.fileName !== undefined || entry.uuid !== undefined);
  const byName = named.some((entry) => entry.fileName === fileName);
  const byUuid = uuid !== undefined && named.some((entry) => entry.uuid === uuid);
  const elsewhere = new Set(named.map((entry) => entry.fileName ?? entry.uuid));
  // A file that was renamed: all its planes carry its one earlier name.
  const renamed = named.length === entries.length && elsewhere.size === 1;
  return (entry) => {
    if (entry.fileName === undefined && entry.uuid === undefined) return true;
    if (byName) return entry.fileName === fileName || (entry.fileName === undefined && entry.uuid === uuid);
    return byUuid ? entry.uuid === uuid : renamed;
  };
}
