/** The folder of features that the analyses read: features.npy, the dataset's cells.csv, features.json with the names. */
import { createReadStream } from 'node:fs';
import { join } from 'node:path';
import { type Dataset, datasetFiles } from '../data/dataset';
import { fileError } from '../errors';
import { AtomicFile, writeFileAtomically } from '../files/atomic-file';
import { npyHeader } from '../files/npy';
import { writeFolder } from '../files/write-together';

/**
 * Writes rows of features (float32 [cells, names]) as they come, beside the dataset's cells.csv, unchanged, and
 * features.json: what `describe` says when all rows are known, with `shape`, `classes` and `names`. The files
 * appear together or not at all.
 * @throws disk-full, io-error and what the batches throw
 */
export async function writeFeatureFolder<Description extends object>(
  out: string,
  dataset: Dataset,
  names: readonly string[],
  batches: AsyncIterable<{ values: Float32Array }> | Iterable<{ values: Float32Array }>,
  describe: () => Description,
): Promise<Description & { shape: number[]; classes: string[]; names: string[] }> {
  return writeFolder(out, async (folder) => {
    const files: AtomicFile[] = [];
    const create = async (name: string) => {
      const file = await AtomicFile.create(join(folder, name));
      files.push(file);
      return file;
    };
    const shape = [dataset.count, names.length];
    try {
      const array = await create('features.npy');
      await array.write(npyHeader('<f4', shape));
      for await (const { values } of batches) {
        await array.write(new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
      }
      const cells = await create(datasetFiles.cells);
      const source = join(dataset.path, datasetFiles.cells);
      try {
        for await (const chunk of createReadStream(source)) await cells.write(chunk as Buffer);
      } catch (error) {
        throw fileError('copy', source, error);
      }
      await array.commit();
      await cells.commit();
      const description = { ...describe(), shape, classes: [...dataset.classes], names: [...names] };
      await writeFileAtomically(join(folder, 'features.json'), `${JSON.stringify(description, null, 2)}\n`);
      return description;
    } catch (error) {
      for (const file of files) await file.abort();
      throw error;
    }
  });
}
