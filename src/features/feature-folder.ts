/** The folder of features that the analyses read: features.npy, the dataset's cells.csv, features.json with the names. */
import { createReadStream } from 'node:fs';
import { join } from 'node:path';
import { type Dataset, datasetFiles } from '../data/dataset';
import { fileError } from '../errors';
import { AtomicFile, writeFileAtomically } from '../files/atomic-file';
import { npyHeader } from '../files/npy';
import { writeFolder } from '../files/write-together';

/** The files of the folder that are written piece by piece. */
export interface FeatureFiles {
  array: AtomicFile;
  cells: AtomicFile;
}

/**
 * Writes a folder of features: `fill` writes features.npy and cells.csv and returns what features.json says. The files appear
 * together or not at all.
 * @throws disk-full, io-error and what `fill` throws
 */
export function writeFeatureFiles<Description extends object>(
  out: string,
  fill: (files: FeatureFiles) => Promise<Description>,
): Promise<Description> {
  return writeFolder(out, async (folder) => {
    const files: AtomicFile[] = [];
    const create = async (name: string) => {
      const file = await AtomicFile.create(join(folder, name));
      files.push(file);
      return file;
    };
    try {
      const description = await fill({ array: await create('features.npy'), cells: await create(datasetFiles.cells) });
      for (const file of files) await file.commit();
      await writeFileAtomically(join(folder, 'features.json'), `${JSON.stringify(description, null, 2)}\n`);
      return description;
    } catch (error) {
      for (const file of files) await file.abort();
      throw error;
    }
  });
}

/** Appends a batch of features. */
export async function writeValues(array: AtomicFile, values: Float32Array): Promise<void> {
  await array.write(new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
}

/** Copies the dataset's cells.csv, unchanged. */
export async function copyCells(dataset: Dataset, cells: AtomicFile): Promise<void> {
  const source = join(dataset.path, datasetFiles.cells);
  try {
    for await (const chunk of createReadStream(source)) await cells.write(chunk as Buffer);
  } catch (error) {
    throw fileError('copy', source, error);
  }
}

/**
 * Writes rows of features (float32 [cells, names]) as they come, beside the dataset's cells.csv, unchanged, and
 * features.json: what `describe` says when all rows are known, with `shape`, `classes` and `names`.
 * @throws disk-full, io-error and what the batches throw
 */
export function writeFeatureFolder<Description extends object>(
  out: string,
  dataset: Dataset,
  names: readonly string[],
  batches: AsyncIterable<{ values: Float32Array }> | Iterable<{ values: Float32Array }>,
  describe: () => Description,
): Promise<Description & { shape: number[]; classes: string[]; names: string[] }> {
  return writeFeatureFiles(out, async ({ array, cells }) => {
    const shape = [dataset.count, names.length];
    await array.write(npyHeader('<f4', shape));
    for await (const { values } of batches) await writeValues(array, values);
    await copyCells(dataset, cells);
    return { ...describe(), shape, classes: [...dataset.classes], names: [...names] };
  });
}
