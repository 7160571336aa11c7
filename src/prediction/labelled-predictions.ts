/** A table of predictions with the cells' labels, read whole: what two models are compared on. */
import { DeepYeastError } from '../errors';
import { openTable } from '../files/table-reader';
import { predictedClasses, readPredictions } from './predictions-table';

/** A labelled table of predictions in memory. */
export interface PredictionTable {
  name: string;
  classes: string[];
  cells: { cell: string; protein: string; label: number; posterior: Float64Array }[];
}

/** @throws table-invalid for a table without cells, labels or one of the classes */
export async function readPredictionTable(path: string, name: string): Promise<PredictionTable> {
  const table = await openTable(path);
  const classes = predictedClasses(table);
  const cells: PredictionTable['cells'] = [];
  for await (const { cell, protein, label, posterior } of readPredictions(table)) {
    if (label === null) continue;
    const index = classes.indexOf(label);
    if (index < 0 || cell === '') {
      throw new DeepYeastError(
        'table-invalid',
        `${path}: found the cell '${cell}' labelled '${label}', expected a name and one of ${classes.join(', ')}`,
      );
    }
    cells.push({ cell, protein, label: index, posterior });
  }
  if (cells.length === 0) {
    throw new DeepYeastError(
      'table-invalid',
      `${path} has no labelled cell; write it with \`deepyeast evaluate\` or \`predict --with label\``,
    );
  }
  return { name, classes, cells };
}
