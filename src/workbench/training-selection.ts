/** Which cells a classifier learns from, and which ones an answer may be asked for. */
import { permutation } from '../random';
import { analysisDraw } from '../random-draws';
import type { Candidates, TrainingCells } from './background-tasks';
import type { CellColumns } from './cell-columns';
import type { Labels } from './labels';

/** Labels that came with the dataset, of each class, beside the answers. */
const datasetCellsPerClass = 200;
/** Cells that the queue chooses among. */
const mostCandidates = 8000;

/** What is kept whole in a fold: the protein, else the well, else the cell itself. */
function groupOf(columns: CellColumns, cell: number): number {
  if (columns.text('protein', cell) !== '') return columns.protein.numbers[cell] as number;
  const proteins = columns.protein.texts.length;
  if (columns.text('well', cell) !== '') {
    const place = (columns.plate.numbers[cell] as number) * columns.well.texts.length;
    return proteins + place + (columns.well.numbers[cell] as number);
  }
  return 2 ** 31 + cell;
}

/** All answered cells, and some that the dataset labels; the numbers of the classes beside them. */
export function trainingCells(columns: CellColumns, labels: Labels): TrainingCells & { ids: number[] } {
  const cells: number[] = [];
  const given = new Map<number, number>();
  for (const cell of permutation(1, 'analysis', analysisDraw('workbench', 5), columns.count)) {
    const label = labels.label(cell);
    if (label < 0) continue;
    if (labels.state(cell) === 'dataset') {
      const count = given.get(label) ?? 0;
      if (count >= datasetCellsPerClass) continue;
      given.set(label, count + 1);
    }
    cells.push(cell);
  }
  cells.sort((a, b) => a - b);
  const ids = [...new Set(cells.map((cell) => labels.label(cell)))].sort((a, b) => a - b);
  return {
    cells: Uint32Array.from(cells),
    labels: Int32Array.from(cells, (cell) => ids.indexOf(labels.label(cell))),
    classes: ids.map((id) => labels.className(id)),
    groups: Uint32Array.from(cells, (cell) => groupOf(columns, cell)),
    ids,
  };
}

/** Cells without any label; where there are none, those that only the dataset labels. */
export function candidateCells(columns: CellColumns, labels: Labels, ids: readonly number[], draw: number): Candidates {
  const order = permutation(draw, 'analysis', analysisDraw('workbench', 6), columns.count);
  let cells = order.filter((cell) => labels.state(cell) === 'none').subarray(0, mostCandidates);
  if (cells.length === 0) cells = order.filter((cell) => labels.state(cell) === 'dataset').subarray(0, mostCandidates);
  cells = cells.slice().sort();
  return {
    cells,
    groups: Uint32Array.from(cells, (cell) => groupOf(columns, cell)),
    labels: Int32Array.from(cells, (cell) => ids.indexOf(labels.label(cell))),
  };
}
