/** Which cells there are, before any image is opened: from a label list or from the files of a folder, by a path pattern. */

import { posix } from 'node:path';
import { DeepYeastError } from '../errors';
import { parseNumber } from '../files/number';
import { compartments } from './compartments';
import { type Cell, cellColumns } from './dataset';
import { folderOf, hasPlace, proteinOf } from './identity';
import type { ChannelChoice } from './image-file';
import { type ClassTable, pathsWithin, readClassTable, readLabelList } from './label-list';
import { type KnownParts, type PathParts, type PathPattern, parsePathPattern, readPaths } from './path-pattern';
import { listSourceFiles, requireFolder, shorten } from './source-files';
import { unifyWells } from './well-spellings';

/** The layout of the DeepYeast data set. */
export const deepYeastPattern = '{plate}/{well}-{field}-{image}-{cell}.png';
/** A folder per class. */
export const folderPattern = '{class}/*';

export interface PlanOptions {
  /** Folder of the images. */
  source: string;
  /** A list of `path index` lines: only these images, with these labels. Otherwise all files that match the pattern. */
  labels?: string;
  /** A file of classes: see readClassTable. Left out: the twelve of DeepYeast for a label list, else the {class} folders. */
  classes?: string;
  /** How paths are made up: see path-pattern.ts. Left out: deepYeastPattern for a label list, else folderPattern. */
  pattern?: string;
  /** The dataset's channels; with {channel} in the pattern, `plane` is the text it stands for (left out: the name). */
  channels?: readonly ChannelChoice[];
}

export interface PlannedCell {
  cell: Cell;
  /** One file, or one a channel. Paths relative to the source. */
  files: string[];
  /** Why the cell cannot be imported, known already. */
  problem?: string;
}

export interface ImportPlan {
  source: string;
  classes: string[];
  channels: readonly ChannelChoice[];
  /** Whether each channel has a file of its own. */
  filePerChannel: boolean;
  /** Columns of cells.csv beyond the known ones: names of the pattern. */
  extraColumns: string[];
  cells: PlannedCell[];
  /** For people: files that fit no pattern, classes without images, ... */
  warnings: string[];
}

const defaultChannels: readonly ChannelChoice[] = [{ name: 'rfp' }, { name: 'gfp' }];

/** Makes the plan of an import. Throws `labels-invalid`, `table-invalid`, `invalid-argument`, `io-error`. */
export async function planImport(options: PlanOptions): Promise<ImportPlan> {
  const pattern = parsePathPattern(
    options.pattern ?? (options.labels === undefined ? folderPattern : deepYeastPattern),
  );
  const channels = options.channels ?? defaultChannels;
  const filePerChannel = pattern.names.includes('channel');
  if (filePerChannel && options.channels === undefined) {
    throw new DeepYeastError(
      'invalid-argument',
      `the pattern has {channel}: say which channels, in which order, as in --channels rfp,gfp`,
    );
  }
  if (filePerChannel && options.labels !== undefined) {
    throw new DeepYeastError(
      'invalid-argument',
      'a label list names one file a cell: the pattern must not have {channel}',
    );
  }
  for (const name of ['label', 'source']) {
    if (pattern.names.includes(name)) {
      throw new DeepYeastError(
        'invalid-argument',
        `the pattern has {${name}}, a column that import fills itself: name it otherwise`,
      );
    }
  }
  requireChannels(channels);
  await requireFolder(options.source);
  const plan =
    options.labels === undefined
      ? await planFiles(options, pattern, channels)
      : await planLabelList(options, options.labels, pattern);
  warnOfEmptyClasses(plan);
  plan.warnings.push(...unifyWells(plan.cells.map(({ cell }) => cell)));
  plan.warnings.push(...doubtfulFields(pattern, plan.cells));
  return { ...plan, source: options.source, channels, filePerChannel, extraColumns: extraColumns(pattern) };
}

/** The columns of cells.csv that a pattern adds to the known ones. */
export function extraColumns(pattern: Pick<PathPattern, 'names'>): string[] {
  const known = new Set<string>([...cellColumns, 'class', 'channel']);
  return pattern.names.filter((name) => !known.has(name));
}

type CellPlan = Pick<ImportPlan, 'classes' | 'cells' | 'warnings'>;

async function planLabelList(options: PlanOptions, list: string, pattern: PathPattern): Promise<CellPlan> {
  const table = options.classes === undefined ? undefined : await readClassTable(options.classes);
  if (table?.proteins) {
    throw new DeepYeastError(
      'labels-invalid',
      `${options.classes} gives classes of proteins, but the label list gives them by index`,
    );
  }
  const classes = table?.classes ?? [...compartments];
  const entries = await pathsWithin(options.source, list, await readLabelList(list, classes));
  const { parts, warnings } = readPaths(
    pattern,
    entries.map(({ path }) => path),
  );
  const unmatched = parts.filter((read) => read === undefined).length;
  const names = new Set<string>();
  const cells = entries.map(({ path, label }, i): PlannedCell => {
    const name = cellName(path, names);
    names.add(name);
    return { cell: { ...describeCell(name, path, parts[i] ?? {}), label }, files: [path] };
  });
  if (unmatched > 0) {
    warnings.push(
      `${unmatched} of ${entries.length} paths of ${list} do not match ${pattern.text}: each of these cells counts as a protein of its own`,
    );
  }
  return { classes, cells, warnings };
}

async function planFiles(
  options: PlanOptions,
  pattern: PathPattern,
  channels: readonly ChannelChoice[],
): Promise<CellPlan> {
  const { paths, warnings } = await listSourceFiles(options.source, pattern.depth);
  const noneMatches = (first: string | undefined) =>
    new DeepYeastError(
      'invalid-argument',
      [
        `none of the ${paths.length} files in ${options.source} matches ${pattern.text}`,
        first === undefined ? '' : ` (the first is ${first})`,
        warnings.length > 0 ? `; ${warnings.join('; ')}` : '',
      ].join(''),
    );
  if (paths.length === 0) throw noneMatches(undefined);
  const table = options.classes === undefined ? undefined : await readClassTable(options.classes);
  const read = readPaths(pattern, paths, knownParts(table, channels));
  warnings.push(...read.warnings);
  const { groups, unmatched, otherChannels } = groupFiles(paths, read.parts, pattern, channels);
  if (groups.size === 0) throw noneMatches(unmatched[0]);
  if (unmatched.length > 0) {
    warnings.push(`${unmatched.length} files do not match ${pattern.text} and are left out, ${unmatched[0]} for one`);
  }
  if (otherChannels.size > 0) warnings.push(`channels left out: ${[...otherChannels].join(', ')}`);

  const label = classify(options, table, pattern, groups, warnings);
  const cells = [...groups].map(([name, { parts, files }]): PlannedCell => {
    const found = files.filter((file) => file !== undefined);
    const source = found.join(';');
    const cell = { ...describeCell(name, source, parts), label: label.of(parts) };
    if (found.length === files.length) return { cell, files: found };
    const missing = channels.filter((_, index) => files[index] === undefined).map((channel) => channel.name);
    return { cell, files: found, problem: `no file for the channel ${missing.join(', ')} (found ${source})` };
  });
  return { classes: label.classes, cells, warnings };
}

interface FileGroup {
  parts: Record<string, string>;
  /** One, or one a channel; undefined: not found. */
  files: (string | undefined)[];
}

/** What helps to read an ambiguous path. */
function knownParts(table: ClassTable | undefined, channels: readonly ChannelChoice[]): KnownParts {
  return {
    channel: new Set(channels.map(({ name, plane }) => plane ?? name)),
    ...(table?.proteins ? { protein: new Set(table.proteins.keys()) } : table ? { class: new Set(table.classes) } : {}),
  };
}

/** Files of one cell differ in {channel} only. The groups go by the cell's name. */
function groupFiles(
  paths: readonly string[],
  read: readonly (PathParts | undefined)[],
  pattern: PathPattern,
  channels: readonly ChannelChoice[],
) {
  const filePerChannel = pattern.names.includes('channel');
  const texts = channels.map((channel) => channel.plane ?? channel.name);
  const groups = new Map<string, FileGroup>();
  const unmatched: string[] = [];
  const otherChannels = new Set<string>();
  // All that a path says but the channel: names alone may be alike.
  const named = new Map<string, FileGroup>();
  for (const [i, path] of paths.entries()) {
    const parts = read[i];
    if (!parts) {
      unmatched.push(path);
      continue;
    }
    if (!filePerChannel) {
      groups.set(cellName(path, groups), { parts, files: [path] });
      continue;
    }
    const text = parts.channel as string;
    const index = texts.indexOf(text);
    if (index < 0) {
      otherChannels.add(text);
      continue;
    }
    delete parts.channel;
    const key = JSON.stringify(pattern.names.map((name) => parts[name]));
    let group = named.get(key);
    if (!group) {
      group = { parts, files: channels.map(() => undefined) };
      named.set(key, group);
      const name = withoutChannel(pattern, parts);
      groups.set(groups.has(name) || name === '' ? withoutExtension(path) : name, group);
    }
    if (group.files[index] !== undefined) {
      throw new DeepYeastError(
        'invalid-argument',
        `${path} and ${group.files[index]} are the same cell and channel by ${pattern.text}`,
      );
    }
    group.files[index] = path;
  }
  return { groups, unmatched, otherChannels };
}

/** The pattern filled in without its channel, extension and whatever joined them: AAC1/AAC1_1_rfp_10 */
function withoutChannel(pattern: PathPattern, parts: Record<string, string>): string {
  const filled = pattern.text.replace(/\{(\w+)(?::\w+)?\}|\*/g, (_, name: string | undefined) =>
    name ? (parts[name] ?? '') : '',
  );
  return withoutExtension(filled)
    .split('/')
    .map((part) => part.replace(/^[-_. ]+|[-_. ]+$/g, ''))
    .filter((part) => part !== '')
    .join('/');
}

/** How a cell gets its class: {class}, a table of proteins, or not at all. */
function classify(
  options: PlanOptions,
  table: ClassTable | undefined,
  pattern: PathPattern,
  groups: Map<string, FileGroup>,
  warnings: string[],
) {
  if (table?.proteins) {
    const proteins = table.proteins;
    if (!pattern.names.includes('protein')) {
      throw new DeepYeastError(
        'invalid-argument',
        `${options.classes} gives classes of proteins, but ${pattern.text} has no {protein}`,
      );
    }
    const found = new Set([...groups.values()].map(({ parts }) => parts.protein as string));
    const imageless = [...proteins.keys()].filter((protein) => !found.has(protein));
    const classless = [...found].filter((protein) => !proteins.has(protein));
    if (imageless.length > 0) warnings.push(`${options.classes} lists proteins without images: ${shorten(imageless)}`);
    if (classless.length > 0) warnings.push(`no class in ${options.classes}, so unlabelled: ${shorten(classless)}`);
    const { classes } = table;
    return {
      classes,
      of: (parts: Record<string, string>) => classes.indexOf(proteins.get(parts.protein as string) ?? ''),
    };
  }
  if (!pattern.names.includes('class')) return { classes: table?.classes ?? [], of: () => -1 };
  const found = [...new Set([...groups.values()].map(({ parts }) => parts.class as string))].sort();
  const classes = table?.classes ?? found;
  const unknown = found.filter((name) => !classes.includes(name));
  if (unknown.length > 0) {
    throw new DeepYeastError(
      'labels-invalid',
      `the classes ${shorten(unknown)} of ${options.source} are not in ${options.classes}`,
    );
  }
  return { classes, of: (parts: Record<string, string>) => classes.indexOf(parts.class as string) };
}

function warnOfEmptyClasses(plan: CellPlan): void {
  const used = new Set(plan.cells.map(({ cell }) => cell.label));
  const empty = plan.classes.filter((_, index) => !used.has(index));
  if (empty.length > 0) plan.warnings.push(`classes without images: ${shorten(empty)}`);
}

/**
 * What cannot be known of fields, in words: those without plate, well or protein in several folders or classes, and those
 * of folders that the pattern passes over.
 */
function doubtfulFields(pattern: PathPattern, cells: readonly PlannedCell[]): string[] {
  const warnings: string[] = [];
  const adrift = cells.filter(({ cell }) => cell.field !== '' && !hasPlace(cell));
  const places = new Set(adrift.map(({ cell }) => `${folderOf(cell.source)}\n${cell.label}`));
  if (places.size > 1) {
    const [a, b] = new Set(adrift.map(({ cell }) => folderOf(cell.source)));
    warnings.push(
      `${adrift.length} cells have a field, but no plate, well or protein in ${pattern.text}: fields count as one within a ` +
        `folder and class only${b === undefined ? '' : ` (field 1 of ${a} and of ${b} as two)`}; name what they belong to`,
    );
  }
  const passedOver = pattern.text
    .split('/')
    .slice(0, -1)
    .some((component) => !component.includes('{'));
  if (!passedOver || pattern.names.includes('plate')) return warnings;
  const folders = new Map<string, string>();
  for (const { cell } of cells) {
    if (!hasPlace(cell)) continue;
    const folder = folderOf(cell.source);
    const place = cell.well === '' ? `${cell.protein}\n${cell.field}` : cell.well;
    const first = folders.get(place) ?? folder;
    folders.set(place, first);
    if (first === folder || (cell.well === '' && cell.field === '')) continue;
    warnings.push(
      `${pattern.text} does not say what the folders are: ${cell.well === '' ? `field ${cell.field} of ${cell.protein}` : `well ${cell.well}`} ` +
        `of ${first} and of ${folder} count as one; where they are plates, write {plate} for the folder`,
    );
    break;
  }
  return warnings;
}

/** A cell as its path describes it. @throws invalid-argument where the path names a place that is no number */
export function describeCell(name: string, source: string, parts: Readonly<Record<string, string>>): Cell {
  for (const axis of ['x', 'y'] as const) {
    const text = parts[axis];
    if (text === undefined || parseNumber(text) !== undefined) continue;
    throw new DeepYeastError(
      'invalid-argument',
      `${source}: found '${text}' for {${axis}} of the pattern, expected a number of pixels; give that part another name`,
    );
  }
  const { class: _class, channel: _channel, cell: _cell, ...rest } = parts;
  return {
    plate: '',
    well: '',
    field: '',
    x: '',
    y: '',
    ...rest,
    cell: name,
    label: -1,
    protein: proteinOf(name, rest),
    source,
  };
}

/** The path without its extension, or with it where a.png and a.tif are two cells. */
export function cellName(path: string, taken: { has(name: string): boolean }): string {
  const name = withoutExtension(path);
  return taken.has(name) ? path : name;
}

function withoutExtension(path: string): string {
  const extension = posix.extname(path);
  return extension === '' ? path : path.slice(0, -extension.length);
}

function requireChannels(channels: readonly ChannelChoice[]): void {
  const names = channels.map((channel) => channel.name);
  if (names.length < 1 || names.length > 8 || names.includes('') || new Set(names).size !== names.length) {
    throw new DeepYeastError(
      'invalid-argument',
      `found the channels "${names.join(',')}", expected 1 to 8 different names`,
    );
  }
}
