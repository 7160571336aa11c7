/** What grows in which well: a table with a column `well`, optionally `plate`, and `protein`, `class` or anything else. */

import { shorten } from '../data/source-files';
import { compareWells, normalizeWell } from '../data/well';
import { DeepYeastError } from '../errors';
import { readCsvColumns, readCsvRows } from '../files/csv';
import { streamText } from '../files/text';
import type { FieldImages } from './layout/assembly';

export interface PlateMap {
  path: string;
  /** Columns beside `well` and `plate`. */
  columns: string[];
  /** Whether rows say their plate; otherwise each row holds for every plate. */
  hasPlates: boolean;
  /** What the map says of a well (A1 and A01 are the same), or undefined. */
  lookup(plate: string, well: string): Readonly<Record<string, string>> | undefined;
  /**
   * What the map and the images do not agree on, for people: wells without a row, rows without images.
   * @throws table-invalid where no row belongs to any image
   */
  compare(fields: readonly Pick<FieldImages, 'plate' | 'well'>[]): string[];
}

interface Row {
  where: string;
  plate: string;
  well: string;
  values: Record<string, string>;
}

/**
 * Reads a plate map, CSV or TSV (tabs or semicolons are told from the header line).
 * @throws table-invalid for a map without wells, a row without well or plate, and a well that stands there twice; io-error
 */
export async function readPlateMap(path: string): Promise<PlateMap> {
  const delimiter = await findDelimiter(path);
  const header = await readCsvColumns(path, { delimiter });
  const names = renameColumns(header);
  if (!names.includes('well')) {
    throw new DeepYeastError('table-invalid', `${path} has the columns ${header.join(', ')}, expected a column well`);
  }
  const hasPlates = names.includes('plate');
  const rows = new Map<string, Row>();
  for await (const { line, values } of readCsvRows(path, { delimiter })) {
    const entries = header.map((name, index) => [names[index] as string, (values[name] as string).trim()] as const);
    const { well: written = '', plate = '', ...rest } = Object.fromEntries(entries);
    const where = `line ${line}`;
    if (written === '') throw new DeepYeastError('table-invalid', `${path}, ${where}: found no well`);
    if (hasPlates && plate === '') {
      throw new DeepYeastError(
        'table-invalid',
        `${path}, ${where}: found no plate for the well ${written}, expected one as the map has a column plate`,
      );
    }
    const well = normalizeWell(written);
    const before = rows.get(rowKey(plate, well));
    if (before) {
      const name = hasPlates ? `${well} of the plate ${plate}` : well;
      throw new DeepYeastError(
        'table-invalid',
        `${path}, ${where}: the well ${name} stands there a second time, first in ${before.where}: keep one row`,
      );
    }
    rows.set(rowKey(plate, well), { where, plate, well, values: rest });
  }
  return {
    path,
    columns: names.filter((name) => name !== 'well' && name !== 'plate'),
    hasPlates,
    lookup: (plate, well) => rows.get(rowKey(hasPlates ? plate : '', normalizeWell(well)))?.values,
    compare: (fields) => compareWithImages(path, rows, hasPlates, fields),
  };
}

function rowKey(plate: string, well: string): string {
  return JSON.stringify([plate, well]);
}

/** Characters that are looked at for the header line. */
const mostHeader = 2 ** 16;

/** The delimiter that the header line holds most of; without any the file has one column. */
async function findDelimiter(path: string): Promise<string> {
  let start = '';
  for await (const text of streamText(path, 'table-invalid')) {
    start += text;
    if (/[^\r\n][\r\n]/.test(start) || start.length > mostHeader) break;
  }
  const [line = ''] = start.replace(/^[\r\n]+/, '').split(/[\r\n]/, 1);
  const count = (delimiter: string) => line.split(delimiter).length;
  return ['\t', ';'].find((delimiter) => count(delimiter) > count(',')) ?? ',';
}

const knownColumns = ['well', 'plate', 'protein', 'class'];

/** Well, WELL and well are the same column, unless a table has several of them. */
function renameColumns(header: readonly string[]): string[] {
  return header.map((name) => {
    const lower = name.trim().toLowerCase();
    const alone = header.filter((other) => other.trim().toLowerCase() === lower).length === 1;
    return alone && knownColumns.includes(lower) ? lower : name.trim();
  });
}

function compareWithImages(
  path: string,
  rows: ReadonlyMap<string, Row>,
  hasPlates: boolean,
  fields: readonly Pick<FieldImages, 'plate' | 'well'>[],
): string[] {
  const wells = new Map<string, { plate: string; well: string }>();
  const plates = new Set<string>();
  for (const { plate, well } of fields) {
    plates.add(plate);
    wells.set(rowKey(hasPlates ? plate : '', normalizeWell(well)), { plate: hasPlates ? plate : '', well });
  }
  const warnings: string[] = [];
  if (hasPlates) {
    const named = [...new Set([...rows.values()].map(({ plate }) => plate))];
    const unknown = named.filter((plate) => !plates.has(plate));
    if (named.length > 0 && unknown.length === named.length) {
      throw new DeepYeastError(
        'table-invalid',
        `${path} names the plates ${shorten(named)}, but the images are of ${shorten([...plates])}: correct the column plate`,
      );
    }
    if (unknown.length > 0) warnings.push(`${path} names plates without images: ${shorten(unknown)}`);
  }
  const title = ({ plate, well }: { plate: string; well: string }) => (plate === '' ? well : `${plate}/${well}`);
  const inOrder = (list: { plate: string; well: string }[]) =>
    list.sort((a, b) => (a.plate < b.plate ? -1 : a.plate > b.plate ? 1 : compareWells(a.well, b.well))).map(title);
  const rowless = [...wells].filter(([key]) => !rows.has(key)).map(([, well]) => well);
  if (rowless.length === wells.size && rows.size > 0 && wells.size > 0) {
    const some = inOrder([...rows.values()]);
    throw new DeepYeastError(
      'table-invalid',
      `${path} has rows for ${shorten(some)}, but the images are of ${shorten(inOrder(rowless))}: correct the column well`,
    );
  }
  if (rowless.length > 0) {
    warnings.push(`wells with images and without a row in ${path}: ${shorten(inOrder(rowless))}`);
  }
  const imageless = [...rows].filter(([key, { plate }]) => !wells.has(key) && (!hasPlates || plates.has(plate)));
  if (imageless.length > 0) {
    warnings.push(`${path} has rows for wells without images: ${shorten(inOrder(imageless.map(([, row]) => row)))}`);
  }
  return warnings;
}
