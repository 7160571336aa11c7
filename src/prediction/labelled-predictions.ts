/** A table of predictions with the cells' labels, read whole: what two models are compared on. */
import { DeepYeastError } from '../errors';
import { openTable } from '../files/table-reader';
import { DistinctPredictions, predictedClasses, readPredictions } from './predictions-table';

/** A labelled table of predictions in memory. */
export interface PredictionTable {
  name: string;
  classes: string[];
  cells: {
    cell: string;
    protein: string;
    label: number;
    posterior: Float64Array;
    /** What else the table says of which cell it is: plate, well, field. */
    key?: Readonly<Record<string, string>>;
  }[];
}

/** @throws table-invalid for a table without cells, labels or one of the classes, or with a cell twice */
export async function readPredictionTable(path: string, name: string): Promise<PredictionTable> {
  const table = await openTable(path);
  const classes = predictedClasses(table);
  const cells: PredictionTable['cells'] = [];
  const distinct = new DistinctPredictions();
  for await (const row of readPredictions(table)) {
    distinct.add(path, row);
    const { cell, protein, label, posterior, key } = row;
    if (label === null) continue;
    const index = classes.indexOf(label);
    if (index < 0 || cell === '') {
      throw new DeepYeastError(
        'table-invalid',
        `${path}: found the cell '${cell}' labelled '${label}', expected a name and one of ${classes.join(', ')}`,
      );
    }
    cells.push({ cell, protein, label: index, posterior, key });
  }
  if (cells.length === 0) {
    throw new DeepYeastError(
      'table-invalid',
      `${path} has no labelled cell; write it with \`deepyeast evaluate\` or \`predict --with label\``,
    );
  }
  return { name, classes, cells };
}
