/** The text files that say which class an image has: label lists and class tables. */

import { realpath } from 'node:fs/promises';
import { isAbsolute, posix, relative, resolve } from 'node:path';
import { DeepYeastError } from '../errors';
import { readCsvColumns, readCsvRows } from '../files/csv';
import { parseWholeNumber } from '../files/number';
import { withSlashes } from '../files/slashes';
import { readText } from '../files/text';

export interface LabelListEntry {
  /** As written, relative to the folder of the images. */
  path: string;
  label: number;
  /** Line of the list, from 1. */
  line: number;
}

/**
 * Parses a label list, lines `path index` (the form of DeepYeast's HOwt_train.txt): the index follows the last white
 * space, empty lines are skipped, a byte-order mark and CRLF are taken. `name` is for messages. A line of another form,
 * an index beyond the classes or a path listed twice is `labels-invalid` with its line.
 */
export function parseLabelList(text: string, name: string, classes: readonly string[]): LabelListEntry[] {
  const entries: LabelListEntry[] = [];
  const lines = new Map<string, number>();
  const rows = text.replace(/^\ufeff/, '').split(/\r\n|\n|\r/);
  for (const [index, row] of rows.entries()) {
    const line = index + 1;
    const trimmed = row.trim();
    if (trimmed === '') continue;
    const invalid = (what: string) => new DeepYeastError('labels-invalid', `${name}, line ${line}: ${what}`);
    const match = /^(.*\S)\s+(\d{1,9})$/s.exec(trimmed);
    if (!match)
      throw invalid(`found "${trimmed.slice(0, 100)}", expected "path index" such as "plate01/a-1-2-3.png 6"`);
    const path = match[1] as string;
    const label = parseWholeNumber(match[2] as string) as number;
    if (label >= classes.length) {
      throw invalid(`found label ${label}, expected 0 to ${classes.length - 1} (${classes.length} classes)`);
    }
    const earlier = lines.get(path);
    if (earlier !== undefined) throw invalid(`${path} was listed on line ${earlier} already`);
    lines.set(path, line);
    entries.push({ path, label, line });
  }
  if (entries.length === 0)
    throw new DeepYeastError('labels-invalid', `${name} lists no images, expected "path index" lines`);
  return entries;
}

/** Reads a label list, in UTF-8 or UTF-16: see parseLabelList. */
export async function readLabelList(path: string, classes: readonly string[]): Promise<LabelListEntry[]> {
  return parseLabelList(await readText(path, 'labels-invalid'), path, classes);
}

/**
 * The entries with their paths relative to the source, in one spelling each (`./a//b` is `a/b`). A path that leaves the
 * source, or an image that is listed under two spellings, is `labels-invalid`.
 */
export async function pathsWithin(
  source: string,
  list: string,
  entries: readonly LabelListEntry[],
): Promise<LabelListEntry[]> {
  const roots = [resolve(source), await realpath(source).catch(() => resolve(source))];
  const lines = new Map<string, LabelListEntry>();
  return entries.map((entry) => {
    const invalid = (what: string) => new DeepYeastError('labels-invalid', `${list}, line ${entry.line}: ${what}`);
    const candidates = isAbsolute(entry.path)
      ? roots.map((root) => relative(root, entry.path)).flatMap((path) => (isAbsolute(path) ? [] : withSlashes(path)))
      : [posix.normalize(withSlashes(entry.path))];
    const path = candidates.find((candidate) => candidate !== '' && candidate !== '..' && !candidate.startsWith('../'));
    if (path === undefined) {
      throw invalid(
        `${entry.path} lies outside of ${source}, expected images below it: give the folder that holds them all`,
      );
    }
    const earlier = lines.get(path);
    if (earlier) throw invalid(`${entry.path} is the image of line ${earlier.line}, ${earlier.path}`);
    lines.set(path, entry);
    return { ...entry, path };
  });
}

/** What a class file says. */
export interface ClassTable {
  /** Class names in the order of their index. */
  classes: string[];
  /** Class of each protein, where the file is a table of proteins. */
  proteins?: Map<string, string>;
}

/**
 * Reads a file of classes, of either form: `label;label_idx` (HOwt_doc.txt: the classes and their indices), or a CSV with
 * the columns protein and class (the classes are those named, sorted). Throws `labels-invalid`, `table-invalid`.
 */
export async function readClassTable(path: string): Promise<ClassTable> {
  // Read once: a pipe gives its text only once.
  const text = await readText(path, 'labels-invalid');
  const columns = await readCsvColumns(path, { text });
  if (columns.includes('protein') && columns.includes('class')) return readProteinClasses(path, text);
  const indexed = await readCsvColumns(path, { text, delimiter: ';' });
  if (indexed.includes('label') && indexed.includes('label_idx')) return readClassIndices(path, text);
  throw new DeepYeastError(
    'labels-invalid',
    `${path} begins with "${columns.join(',')}", expected the columns "protein,class" or "label;label_idx"`,
  );
}

async function readClassIndices(path: string, list: string): Promise<ClassTable> {
  const names = new Map<number, string>();
  const known = new Set<string>();
  for await (const { line, values } of readCsvRows(path, { text: list, delimiter: ';' })) {
    const name = (values.label as string).trim();
    const text = (values.label_idx as string).trim();
    const index = parseWholeNumber(text);
    if (name === '' || index === undefined) {
      throw new DeepYeastError(
        'labels-invalid',
        `${path}, line ${line}: found "${name};${text}", expected "name;index"`,
      );
    }
    if (names.has(index) || known.has(name)) {
      throw new DeepYeastError(
        'labels-invalid',
        `${path}, line ${line}: the class "${name};${index}" is there already`,
      );
    }
    names.set(index, name);
    known.add(name);
  }
  const classes = Array.from({ length: names.size }, (_, index) => names.get(index));
  if (names.size === 0 || classes.includes(undefined)) {
    throw new DeepYeastError(
      'labels-invalid',
      `${path}: expected the indices 0 to n - 1, each once, found ${names.size} of them` +
        `${names.size > 0 ? `, but not ${classes.indexOf(undefined)}` : ''}`,
    );
  }
  return { classes: classes as string[] };
}

async function readProteinClasses(path: string, text: string): Promise<ClassTable> {
  const proteins = new Map<string, string>();
  for await (const { line, values } of readCsvRows(path, { text })) {
    const protein = values.protein as string;
    const name = values.class as string;
    if (protein === '' || name === '') {
      throw new DeepYeastError(
        'labels-invalid',
        `${path}, line ${line}: expected a protein and a class, found an empty field`,
      );
    }
    const earlier = proteins.get(protein);
    if (earlier !== undefined && earlier !== name) {
      throw new DeepYeastError(
        'labels-invalid',
        `${path}, line ${line}: ${protein} is "${name}" here and "${earlier}" above`,
      );
    }
    proteins.set(protein, name);
  }
  if (proteins.size === 0) throw new DeepYeastError('labels-invalid', `${path} lists no proteins`);
  return { classes: [...new Set(proteins.values())].sort(), proteins };
}
