/** The last step of the demonstration: a plate of micrographs, and the trained network's screen of it. */

import { join } from 'node:path';
import { simulatePlate } from '../data/simulate/fields';
import { runScreen, screenFiles } from '../screen';
import { lateProgress } from './late-progress';
import type { CommandContext } from './options';

/** One protein of each compartment, a field each, and one well that went wrong. */
const plate = { wells: 12, fieldsPerWell: 1, size: 720, badWells: { 'out-of-focus': 1 } } as const;

export interface DemonstratedScreen {
  /** Folder of the results. */
  results: string;
  cells: number;
  fields: number;
  /** Proteins of at least ten cells, and those called right. */
  proteins: { count: number; correct: number };
  /** Wells that are flagged, as plate and well. */
  flagged: { plate: string; well: string; flags: string[] }[];
}

/**
 * Draws a plate into OUT/plate and screens it into OUT/results.
 *
 * @param model a run folder
 */
export async function demonstrateScreen(
  context: CommandContext,
  model: string,
  out: string,
  { seed, threads }: { seed: number; threads?: number },
): Promise<DemonstratedScreen> {
  const folder = join(out, 'plate');
  const common = { signal: context.signal, ...(threads !== undefined && { threads }) };
  const drawing = lateProgress(context, { label: 'simulate', unit: 'fields' });
  await simulatePlate({ out: folder, seed, ...plate, ...common, onProgress: drawing.update });
  drawing.finish();
  const screening = lateProgress(context, { label: 'screen', unit: 'fields' });
  const results = join(out, 'results');
  const { cells, fields, proteins, wells } = await runScreen({
    sources: [join(folder, 'Images')],
    channels: new Map([
      ['rfp', 'ch3'],
      ['gfp', 'ch1'],
    ]),
    plateMap: join(folder, 'plate-map.csv'),
    model,
    out: results,
    ...common,
    onProgress: screening.update,
  });
  screening.finish();
  const { count, correct } = proteins.withMinimumCells;
  return {
    results,
    cells,
    fields: fields.length,
    proteins: { count, correct },
    flagged: wells.filter(({ flags }) => flags.length > 0).map(({ plate, well, flags }) => ({ plate, well, flags })),
  };
}

/** For people: what the screen found, and which page to open. */
export function describeScreen({ results, cells, fields, proteins, flagged }: DemonstratedScreen): [string, string][] {
  const { count, correct } = proteins;
  const listed = flagged.map(({ well, flags }) => `${well} ${flags.join(', ')}`).join('; ');
  return [
    [
      'a plate',
      `${cells} cells in ${fields} fields; ${correct} of ${count} proteins right; look at ${listed || 'no well'}`,
    ],
    ['its pages', join(results, screenFiles.report, 'index.html')],
  ];
}
