/** A plate before its first pixel: fields, masks, proteins and classes. */

import { createHash } from 'node:crypto';
import { isAbsolute, relative, resolve, sep } from 'node:path';
import { proteinOf } from '../data/identity';
import { readClassTable } from '../data/label-list';
import { DeepYeastError } from '../errors';
import { fileDigest } from '../files/digest';
import { type Log, silent } from '../log';
import { type FieldImages, type FieldProblem, type LeftOut, listFields } from './layout';
import { listMasks } from './mask-names';
import { readPlateMap } from './plate-map';
import type { PlateOptions } from './plate-options';

/** A field and what is known of it from the plate map. */
export interface PlateField {
  images: FieldImages;
  protein: string;
  /** Index of the class, -1: none. */
  label: number;
  /** Paths of its images below the source, joined by `;`. */
  source: string;
  /** By column: what the plate map and the pattern say beside. */
  others: Readonly<Record<string, string>>;
  /** The mask of another program. */
  mask?: string;
}

export interface Plate {
  fields: PlateField[];
  /** Fields that cannot be used, by what is known without opening the images. */
  problems: FieldProblem[];
  /** Pixels of most of the fields, where it is known. */
  imageSize?: { width: number; height: number };
  classes: string[];
  /** Columns beside the known ones. */
  otherColumns: string[];
  /** SHA-256 of all of the above: two plates of the same digest have the same fields. */
  digest: string;
}

/**
 * Lists the fields of a plate with their masks, proteins and classes.
 *
 * @throws what listFields, listMasks, readPlateMap and readClassTable throw; labels-invalid for a class that is not known
 */
export async function readPlate(
  options: PlateOptions,
  { signal, log = silent }: { signal?: AbortSignal | undefined; log?: Log | undefined } = {},
): Promise<Plate> {
  const { sources, channels, layout, pattern, t } = options;
  const listing = await listFields(sources, {
    channels,
    ...(layout !== undefined && { layout }),
    ...(pattern !== undefined && { pattern }),
    ...(t !== undefined && { t }),
    ...(signal && { signal }),
  });
  for (const warning of listing.warnings) log('warn', warning);
  for (const leftOut of listing.leftOut) log('info', describeLeftOut(leftOut));
  const unreadable = listing.problems.find(({ code }) => code === 'io-error');
  if (unreadable) throw new DeepYeastError('io-error', `${unreadable.path}: ${unreadable.reason}`);
  const problems = [...listing.problems];

  const map = options.plateMap === undefined ? undefined : await readPlateMap(options.plateMap);
  if (map) for (const warning of map.compare(listing.fields)) log('warn', warning);
  const table = options.classes === undefined ? undefined : await readClassTable(options.classes);

  let masks: Map<string, string> | undefined;
  if (options.masksFrom !== undefined) {
    const found = await listMasks(options.masksFrom, listing.fields, { pattern: options.masksPattern, signal });
    masks = found.paths;
    if (found.unused.length > 0) {
      log(
        'warn',
        `${found.unused.length} masks in ${options.masksFrom} belong to no field, ${found.unused[0]} for one`,
      );
    }
  }

  const rows = listing.fields.map((images) => {
    const { protein: mapped, class: className = '', ...others } = map?.lookup(images.plate, images.well) ?? {};
    const named = mapped || images.protein;
    const protein = proteinOf(images.key, { plate: images.plate, well: images.well, ...(named && { protein: named }) });
    return {
      images,
      protein,
      className: className || table?.proteins?.get(protein) || '',
      others: { ...images.columns, ...others },
    };
  });
  const named = [...new Set(rows.map(({ className }) => className).filter((name) => name !== ''))].sort();
  const classes = table?.classes ?? named;
  const unknown = named.filter((name) => !classes.includes(name));
  if (unknown.length > 0) {
    throw new DeepYeastError(
      'labels-invalid',
      `${options.plateMap} names the classes ${unknown.join(', ')}, which are not in ${options.classes}`,
    );
  }
  const fields: PlateField[] = [];
  for (const { images, protein, className, others } of rows) {
    const mask = masks?.get(images.key);
    if (masks && mask === undefined) {
      problems.push({
        path: images.markerPath,
        reason: `found no mask for it in ${options.masksFrom}`,
        code: 'image-invalid',
      });
      continue;
    }
    const source = sourceOf(images, sources);
    fields.push({
      images,
      protein,
      label: classes.indexOf(className),
      source,
      others,
      ...(mask !== undefined && { mask }),
    });
  }
  const otherColumns = [...new Set(rows.flatMap(({ others }) => Object.keys(others)))].filter((name) => name !== '');
  const { size: imageSize } = listing;
  return {
    ...(imageSize && { imageSize }),
    fields,
    problems,
    classes,
    otherColumns,
    digest: digestOf({ fields, problems, classes, otherColumns }),
  };
}

function describeLeftOut({ reason, count, examples }: LeftOut): string {
  return `${count} ${count === 1 ? 'file is' : 'files are'} passed over (${reason}), ${examples[0]} for one`;
}

/** One path a channel, relative to the source that holds it. */
function sourceOf(images: FieldImages, sources: readonly string[]): string {
  return Object.values(images.channels)
    .map(([plane]) => belowSource(plane?.path ?? '', sources))
    .join(';');
}

function belowSource(path: string, sources: readonly string[]): string {
  for (const source of sources) {
    const below = relative(resolve(source), resolve(path));
    if (below !== '' && !below.startsWith('..') && !isAbsolute(below)) return below.split(sep).join('/');
  }
  return path;
}

function digestOf({ fields, problems, classes, otherColumns }: Omit<Plate, 'digest'>): string {
  // Pixels and places of files may move; what is in the table may not.
  const rows = fields.map(({ images: { key }, protein, label, source, others }) => [
    key,
    protein,
    label,
    source,
    others,
  ]);
  const reasons = problems.map(({ reason }) => reason);
  return createHash('sha256')
    .update(JSON.stringify([rows, reasons, classes, otherColumns]))
    .digest('hex');
}

/** The options that decide what the cells of a plate are, as they go into a job and a provenance. */
export async function describeOptions(options: PlateOptions): Promise<Record<string, unknown>> {
  const { layout, pattern, t, z, diameter, buds, size = 64, pixelSize, fieldPixelSize, cellDiameter, drop } = options;
  const digest = async (path: string | undefined) => (path === undefined ? undefined : await fileDigest(path));
  return {
    channels: [...options.channels].map(([role, channel]) => `${role}=${channel}`),
    layout,
    pattern,
    t,
    z,
    plateMap: await digest(options.plateMap),
    classes: await digest(options.classes),
    masksFrom: options.masksFrom,
    masksPattern: options.masksPattern,
    diameter,
    buds,
    size,
    pixelSize,
    fieldPixelSize,
    cellDiameter,
    drop,
  };
}
