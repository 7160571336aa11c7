import { joinCells } from '../data/cell-join';
import type { Dataset } from '../data/dataset';
import { DeepYeastError } from '../errors';
import { readFeatureCells } from './labelled-features';
import { type NamedFeatureMatrix, selectRows } from './matrix';

/**
 * The features of a dataset's cells, in the dataset's order, from a folder that `deepyeast features` wrote. Rows are found
 * by their cells (name, plate, well, field, position, source), whatever their order in the folder.
 * @throws invalid-argument for features of another number of cells; dataset-invalid where a cell is missing or there twice
 */
export async function featuresOfDataset(folder: string, dataset: Dataset): Promise<NamedFeatureMatrix> {
  const { features, cells } = await readFeatureCells(folder);
  if (features.rows !== dataset.count) {
    throw new DeepYeastError(
      'invalid-argument',
      `${folder} holds features of ${features.rows} cells, expected ${dataset.count} as ${dataset.path} holds; extract them ` +
        'from this dataset',
    );
  }
  const rows = joinCells({ path: dataset.path, cells: await dataset.table() }, { path: folder, cells });
  return rows.every((row, i) => row === i) ? features : selectRows(features, rows);
}
