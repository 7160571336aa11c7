/** Tables joined to the cells of a dataset by what tells cells apart, never by the number of the row. */

import { DeepYeastError } from '../errors';
import { openTable, type TextRow, type TextTable } from '../files/table-reader';
import { type CellKeyColumn, cellKey, cellKeyColumns, DistinctCells, describeCellKey } from './identity';

type KnownBy = Readonly<Record<string, unknown>>;

/**
 * Reads a table with a column `cell` and others, one row a cell. Empty rows of the column `filled` are passed over.
 * @throws table-invalid where a column is missing or a cell is there twice
 */
export async function readCellTable(
  path: string,
  columns: readonly string[],
  filled: string,
): Promise<{ table: TextTable; rows: Map<string, TextRow> }> {
  const table = await openTable(path);
  const missing = ['cell', ...columns].find((column) => !table.columns.includes(column));
  if (missing !== undefined) {
    throw new DeepYeastError(
      'table-invalid',
      `${path} has no column '${missing}' (found ${table.columns.slice(0, 10).join(', ')}), expected ` +
        `${['cell', ...columns].join(', ')}`,
    );
  }
  const rows = new Map<string, TextRow>();
  for await (const row of table.rows()) {
    const name = row.values.cell as string;
    if (row.values[filled] === '') continue;
    const earlier = rows.get(name);
    if (earlier) {
      throw new DeepYeastError(
        'table-invalid',
        `${path}, ${row.where}: the cell '${name}' is on ${earlier.where} already, expected each cell once`,
      );
    }
    rows.set(name, row);
  }
  return { table, rows };
}

/**
 * A table joined by the names of cells may also say their plate, well and field: they must be those of the cells.
 * @throws table-invalid for a row of another plate, well or field
 */
export function requireSamePlaces(path: string, rows: ReadonlyMap<string, TextRow>, cells: Iterable<KnownBy>): void {
  for (const cell of cells) {
    const row = rows.get(String(cell.cell));
    if (!row) continue;
    for (const column of ['plate', 'well', 'field'] as const) {
      const text = row.values[column] ?? '';
      const known = String(cell[column] ?? '');
      if (text === '' || known === '' || cellKey(row.values, [column]) === cellKey(cell, [column])) continue;
      throw new DeepYeastError(
        'table-invalid',
        `${path}, ${row.where}: '${cell.cell}' is of the ${column} '${text}', expected '${known}' as in the dataset; give ` +
          'the table of the same cells',
      );
    }
  }
}

/**
 * The row of each cell's name.
 * @throws dataset-invalid where two cells share a name, so that nothing can be joined to them
 */
export async function rowsByName(
  path: string,
  cells: Iterable<{ cell: string }> | AsyncIterable<{ cell: string }>,
): Promise<Map<string, number>> {
  const rows = new Map<string, number>();
  let row = 0;
  for await (const { cell } of cells) {
    const earlier = rows.get(cell);
    if (earlier !== undefined) {
      throw new DeepYeastError(
        'dataset-invalid',
        `${path} has the cell '${cell}' in rows ${earlier + 1} and ${row + 1} of cells.csv, expected each name once, as ` +
          'tables are joined by it',
      );
    }
    rows.set(cell, row++);
  }
  return rows;
}

/**
 * Where each cell of a dataset is among the rows of another table: by name, plate, well, field, position and source, as
 * far as both know them.
 * @param joined rows and where they are from, for messages
 * @throws dataset-invalid where keys repeat on either side or a cell is missing
 */
export function joinCells(
  dataset: { path: string; cells: readonly KnownBy[] },
  joined: { path: string; cells: readonly KnownBy[] },
): Uint32Array {
  const columns = sharedColumns(dataset.cells, joined.cells);
  const twice = (path: string, cell: KnownBy) =>
    new DeepYeastError(
      'dataset-invalid',
      `${path} has the cell ${describeCellKey(cell, columns)} twice, expected each once to join by`,
    );
  const rows = new Map<string, number>();
  for (const [row, cell] of joined.cells.entries()) {
    const key = cellKey(cell, columns);
    if (rows.has(key)) throw twice(joined.path, cell);
    rows.set(key, row);
  }
  const distinct = new DistinctCells(columns);
  return Uint32Array.from(dataset.cells, (cell) => {
    if (!distinct.add(cell)) throw twice(dataset.path, cell);
    const row = rows.get(cellKey(cell, columns));
    if (row !== undefined) return row;
    throw new DeepYeastError(
      'dataset-invalid',
      `${joined.path} has no row for the cell ${describeCellKey(cell, columns)} of ${dataset.path}; make it from this dataset`,
    );
  });
}

/** The columns of the key that have a text on both sides. */
function sharedColumns(a: readonly KnownBy[], b: readonly KnownBy[]): CellKeyColumn[] {
  const filled = (cells: readonly KnownBy[], column: string) =>
    cells.some((cell) => Object.hasOwn(cell, column) && cell[column] !== '');
  return cellKeyColumns.filter((column) => column === 'cell' || (filled(a, column) && filled(b, column)));
}
