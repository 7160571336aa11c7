/**
 * What the name of an image file says: plate, well, field, channel, plane, time. The layouts of microscopes and the
 * patterns of users differ only in how a name is taken apart.
 */

import { type KnownParts, parsePathPattern, readPaths } from '../../data/path-pattern';
import { normalizeWell, parseColumn, parseRow, wellName } from '../../data/well';
import { DeepYeastError } from '../../errors';
import { parseWholeNumber } from '../../files/number';

export interface ImageName {
  plate?: string;
  well: string;
  field: string;
  /** Left out: the file holds all channels. */
  channel?: string;
  z?: number;
  t?: number;
  protein?: string;
  /** Names of a pattern that mean nothing here. */
  columns?: Record<string, string>;
}

/** The parts; text says why a file of this layout is no image of a field; undefined: not of this layout. */
export type NameReading = ImageName | string | undefined;

/** How names are taken apart. */
export interface ImageNaming {
  /** Whether a name tells the channel; otherwise a file holds all of them. */
  hasChannel: boolean;
  /** What stands before a channel's number for people: `ch`. */
  channelPrefix?: string;
  /** Reads paths relative to one source, with `/`, together: what one leaves open, the others may tell. */
  readAll(paths: readonly string[]): { names: NameReading[]; warnings: string[] };
}

/** A layout whose names are read each by itself. */
export interface PresetNaming extends ImageNaming {
  read(path: string): NameReading;
}

export const presetNames = ['harmony', 'metaxpress', 'cellvoyager'] as const;
export type PresetName = (typeof presetNames)[number];

const uuid = '[0-9A-F]{8}(?:-[0-9A-F]{4}){3}-[0-9A-F]{12}';

/**
 * r01c01f01p01-ch1sk1fk1fl1.tiff of an export, r01c01f01p01-ch1t01.tiff of an archive, r01c01f01p01rc2-ch1sk1fk1fl1.tiff of
 * early versions, where the record (rc) is the channel.
 */
const harmonyName =
  /^r(?<row>\d{2,3})c(?<column>\d{2,3})f(?<field>\d{1,6})p(?<z>\d{1,6})(?:rc(?<record>\d{1,3}))?-ch(?<channel>\d{1,3})(?:(?:sk|t)(?<t>\d{1,6}))?(?:fk\d+)?(?:fl\d+)?\.tiff?$/i;

/** PLATE_A01_s1_w1.TIF, with a UUID before the ending where the data base exported it. */
const metaXpressName = new RegExp(
  `^(?:(?<plate>.+)_)?(?<well>[A-Z]{1,2}\\d{2})(?:_s(?<field>\\d{1,6}))?(?:_w(?<channel>\\d{1,3}))?(?:_z(?<z>\\d{1,6}))?(?<thumb>_thumb)?(?:${uuid})?\\.tiff?$`,
  'i',
);

/** PLATE_A01_T0001F001L01A01Z01C01.tif: time, field, time line, action, plane, channel. */
const cellVoyagerName =
  /^(?<plate>.+)_(?<well>[A-Z]{1,2}\d{2})_T(?<t>\d{1,6})F(?<field>\d{1,6})L\d+A\d+Z(?<z>\d{1,6})C(?<channel>\d{1,3})\.tiff?$/i;

export const presets: Readonly<Record<PresetName, PresetNaming>> = {
  harmony: preset('ch', readHarmonyName),
  metaxpress: preset('w', readMetaXpressName),
  cellvoyager: preset('C', (path) => readPreset(cellVoyagerName.exec(baseName(path))?.groups)),
};

function preset(channelPrefix: string, read: PresetNaming['read']): PresetNaming {
  return { hasChannel: true, channelPrefix, read, readAll: (paths) => ({ names: paths.map(read), warnings: [] }) };
}

function readHarmonyName(path: string): NameReading {
  const parts = harmonyName.exec(baseName(path))?.groups;
  if (!parts) return undefined;
  const { record, ...rest } = parts;
  return readPreset({ ...rest, ...defined({ channel: record ?? rest.channel }) });
}

/** Times and planes may have folders: TimePoint_1/ZStep_2. */
function readMetaXpressName(path: string): NameReading {
  const parts = metaXpressName.exec(baseName(path))?.groups;
  if (!parts || (parts.field === undefined && parts.channel === undefined)) return undefined;
  if (parts.thumb !== undefined) return 'thumbnails';
  const { thumb: _, ...rest } = parts;
  const [, t] = /(?:^|\/)TimePoint_(\d{1,6})\//i.exec(path) ?? [];
  const [, z] = /(?:^|\/)ZStep_(\d{1,6})\//i.exec(path) ?? [];
  return readPreset({ channel: '1', ...defined({ t, z }), ...defined(rest) });
}

function defined(parts: Record<string, string | undefined>): Record<string, string> {
  return Object.fromEntries(Object.entries(parts).filter((entry): entry is [string, string] => entry[1] !== undefined));
}

function baseName(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}

/** Microscopes count in numbers, whose leading zeros mean nothing. */
function readPreset(parts: Record<string, string | undefined> | undefined): ImageName | undefined {
  if (!parts) return undefined;
  const name = readParts(defined(parts));
  if (typeof name === 'string') return undefined;
  return { ...name, field: withoutZeros(name.field), channel: withoutZeros(name.channel as string) };
}

function withoutZeros(text: string): string {
  return text.replace(/^0+(?=\d)/, '');
}

/** Names of a pattern that are no columns of their own. */
const known = new Set(['plate', 'well', 'row', 'column', 'field', 'channel', 'z', 't', 'protein']);

/**
 * The naming of a user's pattern, matched against the whole path below the source.
 * @param known texts that parts are likely to be, where a path could be read in several ways
 * @throws invalid-argument
 */
export function patternNaming(text: string, known: KnownParts = {}): ImageNaming {
  const pattern = parsePathPattern(text);
  const has = (name: string) => pattern.names.includes(name);
  if (has('row') !== has('column')) {
    throw new DeepYeastError(
      'invalid-argument',
      `the pattern ${text} has only one of {row} and {column}, expected both or {well}`,
    );
  }
  if (has('row') && has('well')) {
    throw new DeepYeastError(
      'invalid-argument',
      `the pattern ${text} has {well} beside {row} and {column}, expected one of them`,
    );
  }
  return {
    hasChannel: has('channel'),
    readAll(paths) {
      const { parts, warnings } = readPaths(pattern, paths, known);
      return { names: parts.map((found) => found && readParts(found)), warnings };
    },
  };
}

/** Text says which part is not what its name means. */
function readParts(parts: Record<string, string>): ImageName | string {
  const { plate, protein, channel, field = '1' } = parts;
  let { well = '' } = parts;
  if (parts.row !== undefined) {
    const row = parseRow(parts.row);
    const column = parseColumn(parts.column as string);
    if (row === undefined) return `the row "${parts.row}" is none`;
    if (column === undefined) return `the column "${parts.column}" is none`;
    well = wellName({ row, column });
  }
  const z = wholeNumber(parts.z);
  const t = wholeNumber(parts.t);
  if (Number.isNaN(z)) return `the plane "${parts.z}" is no number`;
  if (Number.isNaN(t)) return `the time "${parts.t}" is no number`;
  const others = Object.entries(parts).filter(([name]) => !known.has(name));
  return {
    well: normalizeWell(well),
    field,
    ...(plate !== undefined && { plate }),
    ...(channel !== undefined && { channel }),
    ...(protein !== undefined && { protein }),
    ...(z !== undefined && { z }),
    ...(t !== undefined && { t }),
    ...(others.length > 0 && { columns: Object.fromEntries(others) }),
  };
}

function wholeNumber(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  return parseWholeNumber(text) ?? Number.NaN;
}
