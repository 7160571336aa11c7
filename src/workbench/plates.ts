/** Heat maps of plates: one number a well. */
import { parseWell } from '../data/well';
import type { CellColumns } from './cell-columns';
import type { Labels } from './labels';
import type { PlateHeat } from './protocol';
import type { Posteriors } from './views';

/** What a heat map can show. */
export function heatColumns(posteriors: Posteriors | undefined): string[] {
  if (!posteriors) return ['cells', 'answered'];
  return ['cells', 'answered', 'confidence', ...posteriors.classes.map((name) => `share of ${name}`)];
}

/** @param plate number of the plate among the texts of the column */
export function plateHeat(
  columns: CellColumns,
  labels: Labels,
  posteriors: Posteriors | undefined,
  plate: number,
  column: string,
): PlateHeat {
  const wells = new Map<number, { sum: number; cells: number; proteins: Set<number> }>();
  const valueOfOne = valueOfCell(labels, posteriors, column);
  for (let cell = 0; cell < columns.count; cell++) {
    if (columns.plate.numbers[cell] !== plate) continue;
    const number = columns.well.numbers[cell] as number;
    let well = wells.get(number);
    if (!well) {
      well = { sum: 0, cells: 0, proteins: new Set() };
      wells.set(number, well);
    }
    well.cells++;
    well.sum += valueOfOne(cell);
    well.proteins.add(columns.protein.numbers[cell] as number);
  }
  const list = [...wells].flatMap(([number, { sum, cells, proteins }]) => {
    const name = columns.well.texts[number] as string;
    const place = parseWell(name);
    if (!place) return [];
    const names = [...proteins]
      .map((protein) => columns.protein.texts[protein] as string)
      .filter((text) => text !== '');
    const value = column === 'cells' || column === 'answered' ? sum : sum / cells;
    return [{ well: name, row: place.row - 1, position: place.column - 1, value, cells, proteins: names.slice(0, 20) }];
  });
  const furthest = (key: 'row' | 'position') => list.reduce((most, well) => Math.max(most, well[key] + 1), 0);
  const [rows, across] = ([
    [8, 12],
    [16, 24],
    [32, 48],
  ].find(([height, width]) => furthest('row') <= (height as number) && furthest('position') <= (width as number)) ?? [
    32, 48,
  ]) as [number, number];
  return { plate: columns.plate.texts[plate] as string, column, rows, columns: across, wells: list };
}

function valueOfCell(labels: Labels, posteriors: Posteriors | undefined, column: string): (cell: number) => number {
  if (column === 'cells' || !posteriors)
    return column === 'answered' ? (cell) => (labels.state(cell) === 'answered' ? 1 : 0) : () => 1;
  if (column === 'answered') return (cell) => (labels.state(cell) === 'answered' ? 1 : 0);
  const { classes, values, called } = posteriors;
  const k = classes.length;
  if (column === 'confidence') return (cell) => values[cell * k + (called[cell] as number)] as number;
  const at = classes.findIndex((name) => column === `share of ${name}`);
  return (cell) => values[cell * k + at] as number;
}
