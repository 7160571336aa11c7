/** What a person takes away: labels.csv, or a new dataset with the labels given. */
import { type Cell, columnOf, type Dataset } from '../data/dataset';
import { DatasetWriter } from '../data/dataset-writer';
import { DeepYeastError } from '../errors';
import { AtomicFile } from '../files/atomic-file';
import { formatCsvRow } from '../files/csv';
import { requireNothingAt } from '../files/output-folder';
import type { Labels } from './labels';

const identity = ['cell', 'protein', 'plate', 'well', 'field', 'x', 'y', 'source'] as const;

/** Writes the cells that were answered, one row each: what they are, their class and the state of their label. */
export async function saveLabels(path: string, dataset: Dataset, labels: Labels): Promise<number> {
  await requireNothingAt(path);
  const file = await AtomicFile.create(path);
  let row = 0;
  let written = 0;
  try {
    await file.write(formatCsvRow([...identity, 'label', 'state']));
    for await (const cell of dataset.cells()) {
      const state = labels.state(row);
      const label = labels.label(row);
      if (state !== 'none' && state !== 'dataset') {
        const name = label < 0 ? '' : labels.className(label);
        await file.write(formatCsvRow([...identity.map((column) => columnOf(cell, column)), name, state]));
        written++;
      }
      row++;
    }
    await file.commit();
    return written;
  } catch (error) {
    await file.abort();
    throw error;
  }
}

/** Images read at once. */
const readAtOnce = 512;

/** Writes a dataset of all cells that have a class now. */
export async function saveDataset(path: string, dataset: Dataset, labels: Labels): Promise<number> {
  const offered = labels.offered;
  const classes = offered.map((id) => labels.className(id));
  const position = new Map(offered.map((id, at) => [id, at]));
  const { channels, normalization, cellDiameter } = dataset.description;
  const writer = await DatasetWriter.create(path, {
    classes,
    channels,
    normalization,
    provenance: { made: 'deepyeast workbench', from: dataset.path },
    ...(cellDiameter !== undefined && { cellDiameter }),
    size: dataset.size,
    extraColumns: dataset.extraColumns,
  });
  try {
    let chosen: { row: number; cell: Cell }[] = [];
    const append = async () => {
      const images = await dataset.readImages(Uint32Array.from(chosen, ({ row }) => row));
      const bytes = images.length / Math.max(1, chosen.length);
      for (const [i, { cell }] of chosen.entries())
        await writer.append(images.subarray(i * bytes, (i + 1) * bytes), cell);
      chosen = [];
    };
    let row = 0;
    for await (const cell of dataset.cells()) {
      const label = position.get(labels.label(row));
      if (label !== undefined) chosen.push({ row, cell: { ...cell, label } });
      if (chosen.length === readAtOnce) await append();
      row++;
    }
    await append();
    if (writer.count === 0)
      throw new DeepYeastError('labels-invalid', 'no cell has a class yet; expected some to save');
    const count = writer.count;
    await writer.commit();
    return count;
  } catch (error) {
    await writer.abort();
    throw error;
  }
}
