/** Features of a screen's cells as a table for other programs, by the conventions of pycytominer. */

import { throwIfAborted } from '../abort';
import { Dataset } from '../data/dataset';
import { DeepYeastError } from '../errors';
import { type TableColumn, TableWriter } from '../files/table-writer';
import { type Device, Network } from '../network';
import { type CellFeatures, classicCellFeatures, layerCellFeatures } from './cell-features';
import { exclusionsOf } from './counted-cells';
import { partFiles, readPart } from './part-files';
import { type PlannedScreen, readPlannedScreen } from './plan';
import { requireUnchanged } from './unchanged-file';

export interface ScreenProfileOptions {
  /** Layer of the screen's model, such as `fc1`, or `classic`: features of shape, intensity and texture. */
  features: string;
  threads?: number | undefined;
  device?: Device | undefined;
  signal?: AbortSignal | undefined;
  /** Parts done of all parts. */
  onProgress?: ((done: number, total: number) => void) | undefined;
}

/** Columns that say which cell a row is: all begin with `Metadata_`. */
const metadataColumns: readonly TableColumn[] = [
  ...['Plate', 'Well', 'Site', 'Cell', 'Protein', 'Class'].map(
    (name): TableColumn => ({ name: `Metadata_${name}`, type: 'string' }),
  ),
  { name: 'Metadata_X', type: 'double' },
  { name: 'Metadata_Y', type: 'double' },
  // Of the segmentation; then why the cell does not count for its protein, empty where it does.
  { name: 'Metadata_Flags', type: 'string' },
  { name: 'Metadata_Excluded', type: 'string' },
];

/** By which pycytominer knows a feature. */
const featurePrefix = 'Cells_';

/**
 * Writes one row for each cell of a screen whose shards are complete, in the order of the plan: columns `Metadata_Plate`,
 * `Metadata_Well`, `Metadata_Site`, `Metadata_Cell`, ..., then the features with `Cells_` before their names. One part is
 * held at a time.
 *
 * @param out table: .parquet, or .csv
 * @returns cells and features written
 * @throws screen-incomplete where a part is missing; run-mismatch where the model has changed; invalid-argument for a layer
 *   that the model does not have; io-error, disk-full, aborted
 */
export async function writeScreenProfiles(
  results: string,
  out: string,
  options: ScreenProfileOptions,
): Promise<{ cells: number; features: number }> {
  const planned = await readPlannedScreen(results);
  const { folder, screen, plan } = planned;
  const source = await openFeatures(planned, options);
  try {
    const columns = source.names.map((name): TableColumn => ({ name: featurePrefix + name, type: 'float' }));
    const table = await TableWriter.create(out, [...metadataColumns, ...columns], {
      metadata: { 'deepyeast.model': screen.model.sha256, 'deepyeast.features': options.features },
      // Rows are wide: some thousand features each.
      groupRows: 1024,
    });
    try {
      for (const [done, entry] of plan.parts.entries()) {
        throwIfAborted(options.signal);
        const { name } = entry;
        const part = await readPart(planned, entry);
        if (!part) {
          throw new DeepYeastError(
            'screen-incomplete',
            `the part ${name} of ${results} is not done: run its shard (\`deepyeast screen ${results} --resume\`)`,
          );
        }
        const { cells } = part;
        if (cells.cell.length > 0) {
          const features = await source.compute(await Dataset.open(partFiles(folder, name).cells), options);
          const exclusions = exclusionsOf(cells, screen);
          let cell = 0;
          for (const { plate, well, field, protein, class: label, kept = 0 } of part.fields) {
            for (const end = cell + kept; cell < end; cell++) {
              const values = features.values.subarray(cell * features.columns, (cell + 1) * features.columns);
              await table.append([
                ...[plate, well, field, cells.cell[cell] as string, protein, label ?? ''],
                ...[cells.x[cell] as number, cells.y[cell] as number],
                ...[cells.flags[cell] as string, exclusions[cell] as string],
                ...values,
              ]);
            }
          }
        }
        options.onProgress?.(done + 1, plan.parts.length);
      }
      await table.commit();
    } catch (error) {
      await table.abort();
      throw error;
    }
    return { cells: table.count, features: columns.length };
  } finally {
    await source.close();
  }
}

/** The features asked for, and what ends their use. */
async function openFeatures(
  { screen }: PlannedScreen,
  { features, threads, device }: ScreenProfileOptions,
): Promise<CellFeatures & { close(): Promise<void> }> {
  if (features === 'classic') return { ...classicCellFeatures(), close: async () => {} };
  const { path, sha256 } = screen.model;
  await requireUnchanged(path, sha256);
  const network = await Network.load(path, {
    ...(threads !== undefined && { threads }),
    ...(device !== undefined && { device }),
  });
  try {
    return { ...layerCellFeatures(network, { layer: features }), close: () => network.close() };
  } catch (error) {
    await network.close();
    throw error;
  }
}
