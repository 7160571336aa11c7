/** A screen made up in memory, as large as asked for: parts, and the tables that a merge would make of them. */

import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import sharp from 'sharp';
import { dirichletTable } from '../../../src/proteins/dirichlet';
import { SoftCounts } from '../../../src/proteins/soft-counts';
import { RandomSequence, RandomStream } from '../../../src/random';
import { ScreenReportWriter } from '../../../src/screen/report';
import {
  cellSheet,
  type FieldRow,
  reportPictures,
  type ScreenPart,
  type WellFlag,
  type WellRow,
} from '../../../src/screen/results';

export interface MadeWell {
  plate: string;
  well: string;
  protein: string;
  /** Those of its fields, where a well holds several; two fields of `protein` otherwise. */
  fieldProteins?: string[];
  /** Place of the class that most of its cells show. */
  class: number;
  cells: number;
  flags?: WellFlag[];
  /** Left out: [cell, reason]. */
  excluded?: [number, string][];
}

export interface MadeScreen {
  title: string;
  classes: string[];
  wells: MadeWell[];
  seed: number;
  size?: number;
  pictures?: boolean;
}

const fieldProteins = ({ fieldProteins: own, protein }: MadeWell) => own ?? [protein, protein];

/** Its field, by its cell. */
const fieldOf = (well: MadeWell, cell: number) => Math.floor((cell * fieldProteins(well).length) / well.cells);

/** One well as a part. */
export function madePart(well: MadeWell, name: string, classes: readonly string[], draws: RandomSequence): ScreenPart {
  const k = classes.length;
  const posteriors = new Float32Array(well.cells * k);
  for (let cell = 0; cell < well.cells; cell++) {
    const sure = 0.5 + 0.5 * draws.uniform();
    const other = Math.floor(draws.uniform() * k);
    for (let c = 0; c < k; c++) {
      posteriors[cell * k + c] = (c === well.class ? sure : 0) + (c === other ? 1 - sure : 0);
    }
  }
  const cells = Array.from({ length: well.cells }, (_, i) => i);
  const fields = fieldProteins(well).map((protein, index) => ({
    key: `${well.well}_${index + 1}`,
    plate: well.plate,
    well: well.well,
    field: String(index + 1),
    source: `${well.well}_${index + 1}.tif`,
    cells: 1 + cells.filter((cell) => fieldOf(well, cell) === index).length,
    kept: cells.filter((cell) => fieldOf(well, cell) === index).length,
    focus: 10 + draws.uniform(),
    background: 100 + 10 * draws.uniform(),
    covered: 0.2,
    saturated: 0.001,
    protein,
    class: null,
  }));
  const reasons = new Map(well.excluded);
  return {
    name,
    plate: well.plate,
    well: well.well,
    fields,
    cells: {
      cell: cells.map((i) => `${well.well}-${i}`),
      x: cells.map((i) => 10 * i + 0.25),
      y: cells.map((i) => 7 * i + 0.75),
      flags: cells.map((i) => reasons.get(i) ?? ''),
    },
    posteriors,
  };
}

/** Writes the report of a made screen; returns the tables. */
export async function writeMadeReport(
  folder: string,
  { title, classes, wells, seed, size = 16, pictures = true }: MadeScreen,
) {
  const draws = new RandomSequence(new RandomStream(seed, 'bootstrap', 0, 0));
  const writer = await ScreenReportWriter.create(folder, {
    ...{ title, classes, size, pictures },
    channels: ['rfp', 'gfp'],
    plates: [],
    version: '1.2.3',
  });
  const sums = new SoftCounts(classes);
  const rows: WellRow[] = [];
  const fields: FieldRow[] = [];
  for (const [index, well] of wells.entries()) {
    const part = madePart(well, `part-${index}`, classes, draws);
    const excluded = Array.from({ length: well.cells }, () => '');
    for (const [cell, reason] of well.excluded ?? []) excluded[cell] = reason;
    await writer.addPart(part, excluded);
    const used = excluded.flatMap((reason, cell) => (reason === '' ? [cell] : []));
    for (const cell of used) {
      sums.addCell({
        protein: fieldProteins(well)[fieldOf(well, cell)] as string,
        field: `${well.plate} ${well.well} ${fieldOf(well, cell)}`,
        label: null,
        posterior: part.posteriors,
        start: cell * classes.length,
      });
    }
    const mixture = classes.map(
      (_, c) =>
        used.reduce((sum, cell) => sum + (part.posteriors[cell * classes.length + c] as number), 0) / used.length,
    );
    rows.push({
      ...{ plate: well.plate, well: well.well, part: part.name, protein: well.protein, class: '' },
      ...{ fields: part.fields.length, skipped: 0, cells: well.cells, used: used.length },
      ...{ flagged: well.cells - used.length, nonCells: 0, predicted: classes[well.class] as string, mixture },
      ...{ focus: 10 + (index % 7), background: 100, covered: 0.2, saturated: 0.001, dead: 0, disagreement: 0.1 },
      flags: well.flags ?? [],
    });
    fields.push(
      ...part.fields.map((field): FieldRow => ({ ...field, part: part.name, used: field.kept ?? 0, flags: [] })),
    );
  }
  const proteins = dirichletTable(sums, { replicates: 20 });
  await writer.finish({ proteins, wells: rows, fields, problems: [{ path: 'broken.tif', reason: 'no TIFF <img>' }] });
  return { proteins, rows, fields };
}

/** Sheets whose cells each have a grey of their own (10 a cell), and fields, as the shards write them. */
export async function writeMadePictures(folder: string, part: string, cells: number, size: number): Promise<void> {
  const { columns } = cellSheet;
  const width = columns * size;
  const height = Math.ceil(cells / columns) * size;
  const pixels = new Uint8Array(width * height * 3);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const cell = Math.floor(y / size) * columns + Math.floor(x / size);
      pixels.fill(cell < cells ? 10 * cell : 0, (y * width + x) * 3, (y * width + x) * 3 + 3);
    }
  }
  const image = sharp(pixels, { raw: { width, height, channels: 3 } }).jpeg({ quality: 95 });
  for (const [kind, count] of [
    [reportPictures.cells, 1],
    [reportPictures.fields, 2],
  ] as const) {
    mkdirSync(join(folder, kind), { recursive: true });
    for (let i = 0; i < count; i++)
      writeFileSync(join(folder, kind, `${part}-${i}.jpg`), await image.clone().toBuffer());
  }
}
