/** Which fields of view there are: the layouts of microscopes, and patterns for every other. */

import { basename, join, resolve } from 'node:path';
import { DeepYeastError } from '../../errors';
import { FieldAssembly, type FieldImages, type FieldProblem, type LeftOut } from './assembly';
import type { FoundPlanes } from './found-plane';
import { findHarmonyPlanes } from './harmony';
import { type ImageNaming, type PresetName, patternNaming, presetNames, presets } from './image-name';
import { openSource, walk } from './walk';

export type { FieldImages, FieldProblem, LeftOut } from './assembly';
export type { PlaneSource } from './found-plane';

export const layouts = ['harmony', 'metaxpress', 'cellvoyager', 'ome-tiff', 'ome-zarr'] as const;
export type Layout = (typeof layouts)[number];

export interface ListFieldsOptions {
  /** Left out or 'auto': told from the names of the files. */
  layout?: Layout | 'auto';
  /**
   * How paths are made up instead of a layout: see path-pattern.ts. {plate}, {well} or {row} and {column}, {field},
   * {channel}, {z}, {t} and {protein} have their meaning; without {channel} a file holds all channels.
   */
  pattern?: string;
  /** Role to channel, the marker first: `rfp` to `ch3`, `3` or the name that the microscope's index gives it. */
  channels: ReadonlyMap<string, string>;
  /** Time, where there are several: as the files' names write it, from 0 in OME-TIFF and OME-Zarr. */
  t?: number;
  signal?: AbortSignal;
}

export interface FieldListing {
  /** In order of plate, well and field. */
  fields: FieldImages[];
  /** Fields and files that cannot be used. */
  problems: FieldProblem[];
  /** Files that were not taken, counted by the reason. */
  leftOut: LeftOut[];
  plateNames: string[];
  /** Every channel that the images have, for people: `ch1 (EGFP)`. */
  channelNames: string[];
  /** For people: what an index and the files do not agree on. */
  warnings: string[];
}

/**
 * Lists the fields of view below folders (or of single files) without opening the images.
 * @throws invalid-argument for a layout that is not there, a channel or time that no image has, and two files for one
 *   plane; image-invalid for an index that is none; io-error
 */
export async function listFields(sources: readonly string[], options: ListFieldsOptions): Promise<FieldListing> {
  const { layout = 'auto', pattern } = options;
  if (pattern !== undefined && layout !== 'auto' && layout !== 'ome-tiff') {
    throw new DeepYeastError('invalid-argument', `found both the layout ${layout} and a pattern, expected one of them`);
  }
  const naming = pattern === undefined ? undefined : patternNaming(pattern);
  const assembly = new FieldAssembly();
  for (const source of sources) {
    const files = await readSource(source, assembly, options.signal);
    if (naming) findNamedPlanes(files, naming, `not of the pattern ${pattern}`, assembly);
    else await findPlanes(files, layout === 'auto' ? detectLayout(source, files) : layout, assembly);
  }
  if (assembly.isEmpty) throw nothingFound(sources, pattern ?? layout, assembly);
  const fields = assembly.fields(options.channels, options.t);
  return {
    fields,
    problems: assembly.problems,
    leftOut: assembly.leftOutFiles,
    plateNames: [...new Set(fields.map(({ plate }) => plate))],
    channelNames: assembly.channelNames,
    warnings: assembly.warnings,
  };
}

interface SourceFiles {
  root: string;
  /** Relative to the root. */
  paths: string[];
}

async function readSource(source: string, found: FoundPlanes, signal: AbortSignal | undefined): Promise<SourceFiles> {
  const { root, file } = await openSource(source);
  if (file !== undefined) return { root, paths: [file] };
  const paths: string[] = [];
  const entries = walk(root, {
    leftOut: (path, reason) => found.leftOut(path, reason),
    unreadable: (path, reason) => found.problem(path, reason, 'io-error'),
    ...(signal && { signal }),
  });
  for await (const { path } of entries) paths.push(path);
  return { root, paths };
}

/** The layout that most of the files are named by. */
function detectLayout(source: string, { paths }: SourceFiles): Layout {
  let best: PresetName | undefined;
  let most = 0;
  for (const name of presetNames) {
    const count = paths.filter((path) => typeof presets[name].read(path) === 'object').length;
    if (count > most) [best, most] = [name, count];
  }
  if (best) return best;
  throw new DeepYeastError(
    'invalid-argument',
    `none of the ${paths.length} files in ${source} is named as Harmony, MetaXpress or CellVoyager names images` +
      `${paths.length > 0 ? ` (the first is ${paths[0]})` : ''}: say how the names are made up, as in --pattern '{plate}_{well}_s{field}_w{channel}.tif'`,
  );
}

async function findPlanes(files: SourceFiles, layout: Layout, assembly: FieldAssembly): Promise<void> {
  if (layout === 'harmony') return findHarmonyPlanes(files.root, files.paths, assembly);
  if (layout === 'metaxpress' || layout === 'cellvoyager') {
    findNamedPlanes(files, presets[layout], `not named as images of the layout ${layout}`, assembly);
    return;
  }
  throw new DeepYeastError('invalid-argument', `the layout ${layout} is not read yet`);
}

/** Finds planes by the names of their files alone. */
function findNamedPlanes(files: SourceFiles, naming: ImageNaming, otherwise: string, found: FoundPlanes): void {
  for (const path of files.paths) {
    const full = join(files.root, path);
    const name = naming.read(path);
    if (name === undefined || typeof name === 'string') {
      found.leftOut(full, name ?? otherwise);
      continue;
    }
    const { plate = basename(resolve(files.root)), channel = '0', z, t = 1, ...rest } = name;
    const { channelPrefix } = naming;
    if (channelPrefix !== undefined && !found.hasChannel(channel)) {
      found.channel({ id: channel, aliases: [`${channelPrefix}${channel}`] });
    }
    found.plane({ ...rest, plate, channel, t, source: { path: full, ...(z !== undefined && { z }) } });
  }
}

function nothingFound(sources: readonly string[], how: string, assembly: FieldAssembly): DeepYeastError {
  const [leftOut] = assembly.leftOutFiles;
  return new DeepYeastError(
    'invalid-argument',
    `found no image of a field in ${sources.join(', ')} by ${how}${leftOut ? ` (${leftOut.examples[0]}: ${leftOut.reason})` : ''}`,
  );
}
