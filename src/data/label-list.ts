/** The text files that say which class an image has: label lists and class tables. */

import { readFile } from 'node:fs/promises';
import { DeepYeastError, fileError } from '../errors';
import { readCsvColumns, readCsvRows } from '../files/csv';

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
    const label = Number(match[2]);
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

/** Reads a label list: see parseLabelList. */
export async function readLabelList(path: string, classes: readonly string[]): Promise<LabelListEntry[]> {
  return parseLabelList(await readText(path), path, classes);
}

async function readText(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    throw fileError('read', path, error);
  }
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
  const text = await readText(path);
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
  const classes: string[] = [];
  let rows = 0;
  for await (const { line, values } of readCsvRows(path, { text: list, delimiter: ';' })) {
    const name = (values.label as string).trim();
    const text = (values.label_idx as string).trim();
    const index = /^\d{1,6}$/.test(text) ? Number(text) : -1;
    if (name === '' || index < 0) {
      throw new DeepYeastError(
        'labels-invalid',
        `${path}, line ${line}: found "${name};${text}", expected "name;index"`,
      );
    }
    if (classes[index] !== undefined || classes.includes(name)) {
      throw new DeepYeastError(
        'labels-invalid',
        `${path}, line ${line}: the class "${name};${index}" is there already`,
      );
    }
    classes[index] = name;
    rows++;
  }
  if (rows === 0 || classes.length !== rows) {
    throw new DeepYeastError(
      'labels-invalid',
      `${path}: expected the indices 0 to n - 1, each once, found ${rows} of them`,
    );
  }
  return { classes };
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
