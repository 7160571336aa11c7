/** Which mask belongs to which field, and what the masks and overlays that are written are called. */

import { readdir } from 'node:fs/promises';
import { basename, dirname, extname, join, relative, resolve, sep } from 'node:path';
import { parsePathPattern } from '../data/path-pattern';
import { normalizeWell } from '../data/well';
import { DeepYeastError } from '../errors';
import { parseWholeNumber } from '../files/number';
import type { FieldImages } from './layout';
import { patternNaming } from './layout/image-name';
import { isZarrFolder } from './layout/ome-zarr';
import { openSource, walk } from './layout/walk';

/** Endings of masks, without the extension; the first that is there is taken. */
const endings = ['_mask', '_masks', '_cp_masks', '_labels', '_label', '_labeled', '_segmentation', '', '_seg'] as const;
const extensions = new Set(['.tif', '.tiff', '.png', '.npy']);

/**
 * A name for each field, by its key: the marker image's without its ending. Where two fields have images of the same name
 * in different folders, the name begins with the image's folder; where one file holds several fields, the name is plate,
 * well and field. Paths relative to the folder of the results, with `/`.
 */
export function fieldNames(fields: readonly FieldImages[]): Map<string, string> {
  const stems = fields.map(({ markerPath }) => stemOf(basename(markerPath)));
  if (distinct(stems)) return named(fields, stems);
  const folder = commonFolder(fields.map(({ markerPath }) => dirname(resolve(markerPath))));
  const paths = fields.map(({ markerPath }, index) =>
    join(relative(folder, dirname(resolve(markerPath))), stems[index] as string)
      .split(sep)
      .join('/'),
  );
  if (distinct(paths)) return named(fields, paths);
  const whole = fields.map(({ plate, well, field }) => [plate, well, field].filter((part) => part !== '').join('_'));
  return named(
    fields,
    whole.map((name) => name.replace(/[^\w.-]/g, '_')),
  );
}

/** Some file systems take A and a for the same letter. */
function distinct(names: readonly string[]): boolean {
  return new Set(names.map((name) => name.toLowerCase())).size === names.length;
}

function named(fields: readonly FieldImages[], names: readonly string[]): Map<string, string> {
  return new Map(fields.map(({ key }, index) => [key, names[index] as string]));
}

/** Without .tif, .ome.tiff, .png and the like. */
function stemOf(name: string): string {
  const stem = name.slice(0, name.length - extname(name).length);
  return stem.toLowerCase().endsWith('.ome') ? stem.slice(0, -4) : stem;
}

function commonFolder(folders: readonly string[]): string {
  const [first, ...others] = folders.map((folder) => folder.split(sep));
  if (first === undefined) return sep;
  let length = first.length;
  for (const parts of others) {
    let same = 0;
    while (same < length && parts[same] === first[same]) same++;
    length = same;
  }
  return first.slice(0, length).join(sep) || sep;
}

export interface MaskListing {
  /** Path of each field's mask, by the field's key; fields without one are not in it. */
  paths: Map<string, string>;
  /** Masks that belong to no field. */
  unused: string[];
}

/**
 * Finds the masks of fields below a folder: by a pattern, or else by their names, which are those of an image of the field
 * with _mask, _masks, _cp_masks, _labels, _seg or nothing added, or what the names of the field's channels have in common.
 * Of an OME-Zarr plate the path of a mask is that of the image whose `labels` hold it.
 *
 * @throws invalid-argument where no field has a mask or one has two; io-error
 */
export async function listMasks(
  folder: string,
  fields: readonly FieldImages[],
  options: { pattern?: string | undefined; signal?: AbortSignal | undefined } = {},
): Promise<MaskListing> {
  const { file } = await openSource(folder);
  if (file !== undefined) {
    throw new DeepYeastError('invalid-argument', `${folder} is a file, expected the folder of the masks`);
  }
  if (isZarrFolder(new Set(await readdir(folder)))) return { paths: listZarrImages(folder, fields), unused: [] };
  const files: string[] = [];
  const ignore = () => {};
  const walked = walk(folder, {
    leftOut: ignore,
    unreadable: ignore,
    ...(options.signal && { signal: options.signal }),
  });
  for await (const { path } of walked) if (extensions.has(extname(path).toLowerCase())) files.push(path);
  const images = new Set(fields.flatMap(imagePaths).map((path) => resolve(path)));
  const masks = files.filter((path) => !images.has(resolve(folder, path)));
  const { pattern } = options;
  const found = pattern === undefined ? findByName(masks, fields) : findByPattern(masks, fields, pattern);
  if (found.size === 0) {
    const [field] = fields;
    const name = field === undefined ? 'NAME' : fieldNames(fields).get(field.key);
    throw new DeepYeastError(
      'invalid-argument',
      `${folder} holds no mask of any field: found ${masks.length} files (TIFF, PNG, .npy)` +
        `${masks[0] === undefined ? '' : `, ${masks[0]} for one`}, expected names such as ` +
        `${pattern ?? `${name}_mask.tiff`}; another way of naming is given by --masks-pattern`,
    );
  }
  const used = new Set(found.values());
  return {
    paths: new Map([...found].map(([key, path]) => [key, join(folder, path)])),
    unused: masks.filter((path) => !used.has(path)),
  };
}

/** The images of an OME-Zarr plate that belong to the fields of the same plate or of another copy of it. */
function listZarrImages(folder: string, fields: readonly FieldImages[]): Map<string, string> {
  const paths = new Map<string, string>();
  for (const { key, markerPath, channels } of fields) {
    const [plane] = Object.values(channels)[0] ?? [];
    if (plane?.zarr === undefined) continue;
    const below = relative(resolve(folder), resolve(markerPath));
    // Row, column and image in a plate; an image that is alone is the folder itself.
    const place = below.startsWith('..') ? resolve(markerPath).split(sep).slice(-3).join(sep) : below;
    paths.set(key, join(folder, place));
  }
  if (paths.size > 0) return paths;
  throw new DeepYeastError(
    'invalid-argument',
    `${folder} is an OME-Zarr plate, but the fields are not of such a plate`,
  );
}

function imagePaths(field: FieldImages): string[] {
  return Object.values(field.channels).flatMap((stack) => stack.map(({ path }) => path));
}

function findByPattern(masks: readonly string[], fields: readonly FieldImages[], pattern: string): Map<string, string> {
  const { names: parts } = parsePathPattern(pattern);
  const { names } = patternNaming(pattern).readAll(masks);
  const found = new Map<string, string>();
  for (const [index, path] of masks.entries()) {
    const name = names[index];
    if (name === undefined || typeof name === 'string') continue;
    const matching = fields.filter(
      (field) =>
        (!parts.includes('plate') || field.plate === name.plate) &&
        field.well === normalizeWell(name.well) &&
        (!parts.includes('field') || sameNumber(field.field, name.field)),
    );
    const [first, second] = matching;
    if (first === undefined) continue;
    if (second !== undefined) {
      throw new DeepYeastError(
        'invalid-argument',
        `${path} may be the mask of ${first.key} or of ${second.key} by ${pattern}: name plate, well and field in the pattern`,
      );
    }
    claim(found, first.key, path);
  }
  return found;
}

/** 3 and 03 are the same field. */
function sameNumber(a: string, b: string): boolean {
  return a === b || (/^\d{1,15}$/.test(a) && /^\d{1,15}$/.test(b) && parseWholeNumber(a) === parseWholeNumber(b));
}

function claim(found: Map<string, string>, key: string, path: string): void {
  const before = found.get(key);
  if (before !== undefined) {
    throw new DeepYeastError('invalid-argument', `${before} and ${path} are both masks of ${key}, expected one`);
  }
  found.set(key, path);
}

function findByName(masks: readonly string[], fields: readonly FieldImages[]): Map<string, string> {
  const byStem = new Map<string, string[]>();
  for (const path of masks) {
    const stem = stemOf(basename(path));
    byStem.set(stem, [...(byStem.get(stem) ?? []), path]);
  }
  const names = fieldNames(fields);
  const shared = sharedStems(fields);
  const found = new Map<string, string>();
  for (const field of fields) {
    const stems = new Set([names.get(field.key) as string, ...imagePaths(field).map((path) => stemOf(basename(path)))]);
    const common = shared.get(field.key);
    if (common !== undefined) stems.add(common);
    const path = firstMask(byStem, [...stems], field);
    if (path !== undefined) found.set(field.key, path);
  }
  const owners = new Map<string, string>();
  for (const [key, path] of found) {
    const other = owners.get(path);
    if (other !== undefined) {
      throw new DeepYeastError(
        'invalid-argument',
        `${path} may be the mask of ${other} or of ${key} by its name: say how the masks are named (--masks-pattern)`,
      );
    }
    owners.set(path, key);
  }
  return found;
}

function firstMask(
  byStem: ReadonlyMap<string, string[]>,
  stems: readonly string[],
  field: FieldImages,
): string | undefined {
  for (const ending of endings) {
    for (const stem of stems) {
      let all = byStem.get(`${basename(stem)}${ending}`) ?? [];
      // Several of that name: the one whose folders end as those of the image.
      if (all.length > 1) {
        const best = Math.max(...all.map((path) => sharedFolders(path, field)));
        all = all.filter((path) => sharedFolders(path, field) === best);
      }
      const [path, second] = all;
      if (second !== undefined) {
        throw new DeepYeastError(
          'invalid-argument',
          `${path} and ${second} are both masks of ${field.key} by their names, expected one`,
        );
      }
      if (path !== undefined) return path;
    }
  }
  return undefined;
}

/** Folders above a mask that are, from the last one up, the image's or the names of its plate and well. */
function sharedFolders(path: string, field: FieldImages): number {
  const above = dirname(path).split('/').reverse();
  const image = dirname(resolve(field.markerPath)).split(sep).reverse();
  let same = 0;
  while (same < above.length && above[same] === image[same]) same++;
  return Math.max(same, above[0] === field.plate || above[0] === field.well ? 1 : 0);
}

/** What the names of a field's channels begin with alike, cut at its last separator, where no other field has the same. */
function sharedStems(fields: readonly FieldImages[]): Map<string, string> {
  const stems = new Map<string, string>();
  const owners = new Map<string, number>();
  for (const field of fields) {
    const names = Object.values(field.channels).map((stack) => basename(stack[0]?.path ?? ''));
    const [first = '', ...others] = [...new Set(names)];
    if (others.length === 0) continue;
    let length = first.length;
    for (const name of others) while (!name.startsWith(first.slice(0, length))) length--;
    const stem = first.slice(0, length).replace(/[-_. ][^-_. ]*$/, '');
    if (stem === '') continue;
    stems.set(field.key, stem);
    owners.set(stem, (owners.get(stem) ?? 0) + 1);
  }
  return new Map([...stems].filter(([, stem]) => owners.get(stem) === 1));
}
