/** Two screens of the same proteins side by side: which proteins moved, and cells of them in both. */

import { basename, join } from 'node:path';
import { throwIfAborted } from '../abort';
import { Dataset } from '../data/dataset';
import { blankPicture, drawCrop } from '../data/picture';
import { writeFileAtomically } from '../files/atomic-file';
import { makeOutputFolder } from '../files/output-folder';
import { writeFolder } from '../files/write-together';
import {
  type ChangeOptions,
  type ChangeTable,
  changesOfFiles,
  type ProteinChange,
  writeChangeTable,
} from '../proteins';
import { comparisonPage } from './compare-page';
import { exclusionsOf } from './counted-cells';
import { partFiles, readPart } from './part-files';
import { writeJpeg } from './pictures';
import { type PlannedScreen, readPlannedScreen } from './plan';
import { screenFiles } from './results';

/** Files of a comparison. */
export const screenComparisonFiles = { page: 'index.html', changes: 'changes.csv', pictures: 'pictures' } as const;

export interface ScreenComparison extends ChangeTable {
  folder: string;
  /** Cells that are in both screens, with the same probabilities: a sign that the two are one. */
  sharedCells: number;
  /** Proteins that moved and whose cells the page shows. */
  pictured: number;
}

/** Proteins whose cells the page shows: the surest, then those that moved furthest. */
const mostPictured = 100;

/** Cells shown of a protein in each screen. */
const strip = { columns: 8, rows: 2 } as const;

/**
 * Compares two screens that were merged: changes.csv, the table of all proteins that are in both, and a page with those
 * that moved, their mixtures and some of their cells in both screens. The folder stands alone.
 *
 * @param results folder of the screen that is asked about
 * @param against folder of the screen it is held against
 * @param out folder of the comparison
 * @throws run-invalid where a folder holds no screen; invalid-argument where the models' classes differ; what
 *   changesOfFiles throws; output-exists, io-error, disk-full, aborted
 */
export async function compareScreens(
  results: string,
  against: string,
  out: string,
  options: ChangeOptions = {},
): Promise<ScreenComparison> {
  const screens = [await readPlannedScreen(results), await readPlannedScreen(against)] as const;
  const predictions = ({ folder }: PlannedScreen) => [join(folder, screenFiles.predictions)];
  const table = await changesOfFiles(predictions(screens[0]), predictions(screens[1]), options);
  const moved = table.proteins
    .filter((row) => row.moved)
    .sort((a, b) => (a.q as number) - (b.q as number) || b.distance - a.distance || (a.protein < b.protein ? -1 : 1));
  const pictured = moved.slice(0, mostPictured);
  await writeFolder(out, async (folder) => {
    const pictures = join(folder, screenComparisonFiles.pictures);
    await makeOutputFolder(pictures);
    const shown: number[][] = [];
    for (const [side, screen] of screens.entries()) {
      const cells = await cellsOf(screen, pictured, table.classes, options.signal);
      for (const [index, own] of cells.entries()) {
        throwIfAborted(options.signal);
        await writeStrip(join(pictures, `${index}-${side}.jpg`), screen, own);
      }
      shown.push(cells.map((own) => own.length));
    }
    await writeChangeTable(join(folder, screenComparisonFiles.changes), table);
    const names = screens.map(({ folder: path }) => basename(path)) as [string, string];
    const page = await comparisonPage({
      table,
      moved,
      pictured,
      shown,
      names,
      pictures: screenComparisonFiles.pictures,
    });
    await writeFileAtomically(join(folder, screenComparisonFiles.page), page);
  });
  return { ...table, folder: out, pictured: pictured.length };
}

interface ShownCell {
  part: string;
  index: number;
  share: number;
}

/**
 * Some cells of each protein, from the highest to the lowest posterior of the class that changed most, in even steps: they
 * show what the protein's cells are like, not its best ones.
 */
async function cellsOf(
  planned: PlannedScreen,
  proteins: readonly ProteinChange[],
  classes: readonly string[],
  signal: AbortSignal | undefined,
): Promise<ShownCell[][]> {
  const found = new Map(
    proteins.map(({ protein, changedClass }) => [
      protein,
      { of: classes.indexOf(changedClass), cells: [] as ShownCell[] },
    ]),
  );
  const { screen, plan } = planned;
  const k = classes.length;
  for (const entry of plan.parts) {
    const { name, first, count } = entry;
    if (!plan.fields.slice(first, first + count).some(({ protein }) => found.has(protein))) continue;
    throwIfAborted(signal);
    const part = await readPart(planned, entry);
    if (!part) continue;
    const exclusions = exclusionsOf(part.cells, screen);
    let index = 0;
    for (const { protein, kept = 0 } of part.fields) {
      const own = found.get(protein);
      for (const end = index + kept; index < end; index++) {
        if (!own || exclusions[index] !== '') continue;
        own.cells.push({ part: name, index, share: part.posteriors[index * k + own.of] as number });
      }
    }
  }
  return proteins.map(({ protein }) => evenly(found.get(protein)?.cells ?? []));
}

function evenly(cells: ShownCell[]): ShownCell[] {
  const most = strip.columns * strip.rows;
  const sorted = [...cells].sort((a, b) => b.share - a.share); // stable: in the order of the plan where they are alike
  if (sorted.length <= most) return sorted;
  return Array.from(
    { length: most },
    (_, i) => sorted[Math.round((i * (sorted.length - 1)) / (most - 1))] as ShownCell,
  );
}

async function writeStrip(path: string, { folder }: PlannedScreen, cells: readonly ShownCell[]): Promise<void> {
  if (cells.length === 0) return;
  const datasets = new Map<string, Dataset>();
  for (const { part } of cells) {
    if (!datasets.has(part)) datasets.set(part, await Dataset.open(partFiles(folder, part).cells));
  }
  const { size } = datasets.values().next().value as Dataset;
  const rows = Math.ceil(cells.length / strip.columns);
  const picture = blankPicture(strip.columns * size, rows * size, 0);
  for (const [i, { part, index }] of cells.entries()) {
    const dataset = datasets.get(part) as Dataset;
    const crop = await dataset.readImages(Uint32Array.of(index));
    const square = { left: (i % strip.columns) * size, top: Math.floor(i / strip.columns) * size, side: size };
    drawCrop(picture, square, crop, size, dataset.channels.length);
  }
  await writeJpeg(path, picture);
}
