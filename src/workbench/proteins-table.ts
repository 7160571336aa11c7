/** Proteins as the page shows them: mixture and intervals of each, made anew when the posteriors change. */
import { setImmediate } from 'node:timers/promises';
import { argmax } from '../prediction/call';
import { betaInterval } from '../proteins/dirichlet';
import type { CellColumns } from './cell-columns';
import type { ProteinRow } from './protocol';
import type { Posteriors } from './views';

/** Proteins between two turns of the event loop. */
const turn = 20;

/** One row a protein, by name. Intervals are of the Dirichlet posterior with a prior of 1. */
export async function proteinRows(columns: CellColumns, posteriors: Posteriors | undefined): Promise<ProteinRow[]> {
  const { texts, numbers } = columns.protein;
  const k = posteriors?.classes.length ?? 0;
  const sums = new Float64Array(texts.length * k);
  const cells = new Uint32Array(texts.length);
  for (let cell = 0; cell < columns.count; cell++) {
    const at = numbers[cell] as number;
    cells[at] = (cells[at] as number) + 1;
    for (let c = 0; c < k; c++) {
      sums[at * k + c] = (sums[at * k + c] as number) + ((posteriors as Posteriors).values[cell * k + c] as number);
    }
    if (cell % 20_000 === 19_999) await setImmediate();
  }
  const order = [...texts.keys()].filter((at) => texts[at] !== '' && (cells[at] as number) > 0);
  order.sort((a, b) => ((texts[a] as string) < (texts[b] as string) ? -1 : 1));
  const rows: ProteinRow[] = [];
  for (const at of order) {
    const count = cells[at] as number;
    const row: ProteinRow = {
      protein: texts[at] as string,
      cells: count,
      called: null,
      mixture: null,
      low: null,
      high: null,
    };
    if (posteriors) {
      const soft = Array.from(sums.subarray(at * k, (at + 1) * k));
      const intervals = soft.map((value) => betaInterval(1 + value, count + k - 1 - value));
      row.called = argmax(soft, 0, k);
      row.mixture = soft.map((value) => value / count);
      row.low = intervals.map(([low]) => low);
      row.high = intervals.map(([, high]) => high);
    }
    rows.push(row);
    if (rows.length % turn === 0) await setImmediate();
  }
  return rows;
}
