/** Tables that say where proteins are: Huh et al. 2003's, or any CSV; joined, and intersected as the paper did. */
import { stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { datasetFiles, parseLabel, readDescription } from '../data/dataset';
import { DeepYeastError } from '../errors';
import { readCsvColumns, readCsvRows } from '../files/csv';
import { readText } from '../files/text';

/** Compartments of each protein, in lower case and sorted. */
export type Annotations = Map<string, string[]>;

export interface AnnotationOptions {
  /** Column of the proteins' names; default the first of protein, yORF, ORF. */
  protein?: string;
  /**
   * Column of the compartments, several of them between commas, semicolons, `+` or `|`; default the first of
   * compartments, class, localization summary, label. Empty: not annotated.
   */
  compartments?: string;
}

const proteinColumns = ['protein', 'yORF', 'ORF'];
const compartmentColumns = ['compartments', 'class', 'localization summary', 'label'];

/**
 * Reads a table of annotations, separated by commas or tabs. Proteins without a compartment are left out. A protein on
 * several rows has the compartments of all of them. In cells.csv of a dataset the labels are indices of its classes, which
 * dataset.json beside it names.
 * @throws table-invalid (also for numbers that nothing names), labels-invalid, io-error
 */
export async function readAnnotations(path: string, options: AnnotationOptions = {}): Promise<Annotations> {
  let text = await readText(path, 'table-invalid');
  const delimiter = /^[^\n]*\t/.test(text) ? '\t' : ',';
  if (delimiter === '\t') text = withoutTrailingTabs(text);
  const columns = await readCsvColumns(path, { delimiter, text });
  const protein = chooseColumn(path, columns, options.protein, proteinColumns, 'proteins');
  const compartments = chooseColumn(path, columns, options.compartments, compartmentColumns, 'compartments');
  const found = new Map<string, Set<string>>();
  const classes = await classesOfIndices(path, columns, compartments, readCsvRows(path, { delimiter, text }));
  for await (const { line, values } of readCsvRows(path, { delimiter, text })) {
    const name = (values[protein] as string).trim();
    const value = (values[compartments] as string).trim();
    const places = classes
      ? [classes[parseLabel(value, classes, path, line)]?.toLowerCase() ?? '']
      : value.split(/[,;+|]/).map((place) => place.trim().toLowerCase());
    if (name === '') continue;
    const set = found.get(name) ?? new Set<string>();
    for (const place of places) if (place !== '') set.add(place);
    if (set.size > 0) found.set(name, set);
  }
  return new Map([...found].map(([name, places]) => [name, [...places].sort()]));
}

/**
 * The classes whose indices a column holds; undefined where it holds names.
 * @throws table-invalid for indices of nobody knows which classes
 */
async function classesOfIndices(
  path: string,
  columns: readonly string[],
  column: string,
  rows: AsyncIterable<{ line: number; values: Record<string, string> }>,
): Promise<readonly string[] | undefined> {
  let first: { line: number; text: string } | undefined;
  for await (const { line, values } of rows) {
    const text = (values[column] as string).trim();
    if (text === '' || text === '-1') continue;
    if (!/^\d+(?:\.0*)?$/.test(text)) return undefined;
    first ??= { line, text };
  }
  if (!first) return undefined;
  const folder = dirname(path);
  const described = await stat(join(folder, datasetFiles.description)).then(
    () => true,
    () => false,
  );
  if (described && columns.includes('cell')) return (await readDescription(folder)).classes;
  throw new DeepYeastError(
    'table-invalid',
    `${path}, line ${first.line}: found '${first.text}' in column '${column}', an index and no name of a compartment, and no ` +
      `${datasetFiles.description} beside it that names the classes; give the column of the names (--compartments)`,
  );
}

/** Exported tables (Huh et al.'s among them) end their lines in tabs, more in the rows than in the header. */
function withoutTrailingTabs(text: string): string {
  const [header = '', ...rows] = text.split(/\r?\n/).map((line) => line.replace(/\t+$/, ''));
  const columns = header.split('\t').length;
  const padded = rows.map((row) =>
    row === '' ? row : row + '\t'.repeat(Math.max(0, columns - row.split('\t').length)),
  );
  return [header, ...padded].join('\n');
}

function chooseColumn(
  path: string,
  columns: readonly string[],
  asked: string | undefined,
  usual: readonly string[],
  what: string,
): string {
  const found = asked === undefined ? usual.find((name) => columns.includes(name)) : asked;
  if (found !== undefined && columns.includes(found)) return found;
  throw new DeepYeastError(
    'table-invalid',
    `${path} has the columns ${columns.join(', ')}, expected ${asked ?? `one of ${usual.join(', ')}`} for the ${what}`,
  );
}

/** What two tables say of the proteins that both name. */
export interface Agreement {
  /** Proteins in both, and in one only. */
  both: number;
  onlyFirst: number;
  onlySecond: number;
  /** The same compartments; some in common; none. */
  agree: number;
  overlap: number;
  disagree: number;
  /** The proteins on which both agree. */
  kept: Annotations;
}

/** Keeps the proteins whose compartments are the same in both tables. */
export function intersectAnnotations(first: Annotations, second: Annotations): Agreement {
  const kept: Annotations = new Map();
  let both = 0;
  let overlap = 0;
  for (const [protein, places] of first) {
    const others = second.get(protein);
    if (!others) continue;
    both++;
    if (places.join('\n') === others.join('\n')) kept.set(protein, places);
    else if (places.some((place) => others.includes(place))) overlap++;
  }
  return {
    both,
    onlyFirst: first.size - both,
    onlySecond: second.size - both,
    agree: kept.size,
    overlap,
    disagree: both - kept.size - overlap,
    kept,
  };
}
