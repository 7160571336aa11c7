/** Which fields of view there are: the layouts of microscopes, and patterns for every other. */

import { basename, join, resolve } from 'node:path';
import type { KnownParts } from '../../data/path-pattern';
import { DeepYeastError } from '../../errors';
import { FieldAssembly, type FieldImages, type FieldProblem, type LeftOut } from './assembly';
import { readCellVoyagerNotes } from './cellvoyager';
import { commonSize } from './common-size';
import type { FoundPlanes, PlateNotes, SourceFiles } from './found-plane';
import { findHarmonyPlanes } from './harmony';
import { type ImageNaming, type PresetName, patternNaming, presetNames, presets } from './image-name';
import { readMetaXpressNotes } from './metaxpress';
import { findTiffPlanes, isTiffName } from './ome-tiff';
import { findZarrPlanes, isZarrFolder } from './ome-zarr';
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
  /**
   * Role to channel, the marker first: `rfp` to `ch3`, `3` or the name that the microscope's index gives it. Empty: every
   * channel, each with its number for a role.
   */
  channels: ReadonlyMap<string, string>;
  /** Texts that parts of the pattern are likely to be (proteins of a plate map), where names could be read in several ways. */
  known?: KnownParts;
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
  /** Pixels of most of the fields, from a few of them; left out where none of those can be opened. */
  size?: { width: number; height: number };
  /** For people: what an index and the files do not agree on. */
  warnings: string[];
}

/**
 * Lists the fields of view below folders (or of single files) without reading any pixels.
 * @throws invalid-argument for a layout that is not there, a channel or time that no image has, and two files for one
 *   plane; image-invalid for an index that is none; io-error
 */
export async function listFields(sources: readonly string[], options: ListFieldsOptions): Promise<FieldListing> {
  const { layout = 'auto', pattern } = options;
  if (sources.length === 0)
    throw new DeepYeastError('invalid-argument', 'found no folder to list, expected at least one');
  if (pattern !== undefined && layout !== 'auto' && layout !== 'ome-tiff') {
    throw new DeepYeastError('invalid-argument', `found both the layout ${layout} and a pattern, expected one of them`);
  }
  const known = { channel: new Set(options.channels.values()), ...options.known };
  const naming = pattern === undefined ? undefined : patternNaming(pattern, known);
  const assembly = new FieldAssembly(options.signal);
  for (const source of sources) {
    const files = await readSource(source, assembly, options.signal);
    if (naming) await findPatternPlanes(files, naming, `not of the pattern ${pattern}`, assembly);
    else await findPlanes(files, layout === 'auto' ? detectLayout(source, files) : layout, assembly);
  }
  if (assembly.isEmpty) throw nothingFound(sources, pattern ?? layout, assembly);
  const fields = assembly.fields(options.channels, options.t);
  const size = await commonSize(fields);
  return {
    fields,
    problems: assembly.problems,
    leftOut: assembly.leftOutFiles,
    plateNames: [...new Set(fields.map(({ plate }) => plate))],
    channelNames: assembly.channelNames,
    ...(size && { size }),
    warnings: assembly.warnings,
  };
}

async function readSource(source: string, found: FoundPlanes, signal: AbortSignal | undefined): Promise<SourceFiles> {
  const { root, file } = await openSource(source);
  // An index stands for its folder, as in other programs.
  if (file !== undefined && !/\.xml$/i.test(file)) return { root, paths: [file], zarrFolders: [] };
  const paths: string[] = [];
  const zarrFolders: string[] = [];
  const entries = walk(root, {
    leftOut: (path, reason) => found.leftOut(path, reason),
    unreadable: (path, reason) => found.problem(path, reason, 'io-error'),
    isUnit: (_, names) => isZarrFolder(names),
    ...(signal && { signal }),
  });
  for await (const { path, unit } of entries) (unit ? zarrFolders : paths).push(path);
  return { root, paths, zarrFolders };
}

/** Names that are looked at to tell the layout. */
const mostLooked = 2000;

/** The layout that most of the files (of many, some that are spread over them) are named by. */
function detectLayout(source: string, { paths, zarrFolders }: SourceFiles): Layout {
  const step = Math.ceil(paths.length / mostLooked);
  const looked = paths.filter((_, at) => at % step === 0);
  let best: PresetName | undefined;
  let most = 0;
  for (const name of presetNames) {
    const count = looked.filter((path) => typeof presets[name].read(path) === 'object').length;
    if (count > most) [best, most] = [name, count];
  }
  if (best) return best;
  if (zarrFolders.length > 0) return 'ome-zarr';
  if (paths.length === 1 && source.endsWith(paths[0] as string) && isTiffName(source)) return 'ome-tiff';
  if (paths.some((path) => /\.ome\.(tiff?|tf8|btf)$/i.test(path))) return 'ome-tiff';
  throw new DeepYeastError(
    'invalid-argument',
    `none of the ${paths.length} files in ${source} is named as Harmony, MetaXpress, CellVoyager or OME-TIFF name images` +
      `${paths.length > 0 ? ` (the first is ${paths[0]})` : ''}: say how the names are made up, as in --pattern '{plate}_{well}_s{field}_w{channel}.tif'`,
  );
}

async function findPlanes(files: SourceFiles, layout: Layout, assembly: FieldAssembly): Promise<void> {
  if (layout !== 'ome-zarr') tellZarrFolders(files, assembly);
  if (layout === 'harmony') return findHarmonyPlanes(files.root, files.paths, assembly);
  if (layout === 'metaxpress' || layout === 'cellvoyager') {
    const notes = await (layout === 'metaxpress' ? readMetaXpressNotes : readCellVoyagerNotes)(files, assembly);
    findNamedPlanes(files, presets[layout], `not named as images of the layout ${layout}`, assembly, notes);
    return;
  }
  if (layout === 'ome-tiff') return findTiffPlanes(files.root, files.paths, assembly);
  for (const folder of files.zarrFolders) await findZarrPlanes(join(files.root, folder), assembly);
  for (const path of files.paths) assembly.leftOut(join(files.root, path), 'beside OME-Zarr');
}

function tellZarrFolders({ root, zarrFolders }: SourceFiles, found: FoundPlanes): void {
  for (const folder of zarrFolders)
    found.leftOut(join(root, folder), 'Zarr hierarchies, which the layout ome-zarr reads');
}

async function findPatternPlanes(
  files: SourceFiles,
  naming: ImageNaming,
  otherwise: string,
  found: FoundPlanes,
): Promise<void> {
  tellZarrFolders(files, found);
  if (naming.hasChannel) findNamedPlanes(files, naming, otherwise, found);
  else await findTiffPlanes(files.root, files.paths, found, naming, otherwise);
}

/** Finds planes by the names of their files, and by what the microscope noted beside them. */
function findNamedPlanes(
  files: SourceFiles,
  naming: ImageNaming,
  otherwise: string,
  found: FoundPlanes,
  notes?: PlateNotes,
): void {
  const paths = notes ? files.paths.filter((path) => !notes.files.has(path)) : files.paths;
  const { names, warnings } = naming.readAll(paths);
  for (const text of warnings) found.warning(text);
  for (const [at, path] of paths.entries()) {
    const full = join(files.root, path);
    const name = names[at];
    if (name === undefined || typeof name === 'string') {
      found.leftOut(full, name ?? otherwise);
      continue;
    }
    const { plate = basename(resolve(files.root)), channel = '0', z, t = 1, ...rest } = name;
    const { channelPrefix } = naming;
    if (channelPrefix !== undefined && !found.hasChannel(channel)) {
      const channelName = notes?.channelNames.get(channel);
      found.channel({
        id: channel,
        aliases: [`${channelPrefix}${channel}`],
        ...(channelName !== undefined && { name: channelName }),
      });
    }
    const source = { path: full, ...(z !== undefined && { z }) };
    found.plane({ ...rest, plate, channel, t, source, ...notes?.of(path, channel) });
  }
}

function nothingFound(sources: readonly string[], how: string, assembly: FieldAssembly): DeepYeastError {
  const [problem] = assembly.problems;
  if (problem) {
    const others = assembly.problems.length - 1;
    const reason = problem.reason.includes(problem.path) ? problem.reason : `${problem.path}: ${problem.reason}`;
    return new DeepYeastError(
      problem.code,
      `${reason}${others > 0 ? `, and ${others} more faults` : ''}; no field is left`,
    );
  }
  const [leftOut] = assembly.leftOutFiles;
  return new DeepYeastError(
    'invalid-argument',
    `found no image of a field in ${sources.join(', ')} by ${how === 'auto' ? 'the names of the files' : how}${leftOut ? ` (${leftOut.examples[0]}: ${leftOut.reason})` : ''}`,
  );
}
