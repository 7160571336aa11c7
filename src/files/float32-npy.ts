/** Whole arrays of float32 as .npy files. */
import { readFile } from 'node:fs/promises';
import { DeepYeastError, fileError } from '../errors';
import { AtomicFile } from './atomic-file';
import { npyHeader, parseNpyHeader } from './npy';

/** Writes an array of float32 batch by batch, whole or not at all. Throws `disk-full`, `io-error`. */
export async function writeFloats(
  path: string,
  shape: readonly number[],
  batches: AsyncIterable<Float32Array> | Iterable<Float32Array>,
): Promise<void> {
  const file = await AtomicFile.create(path);
  try {
    await file.write(npyHeader('<f4', shape));
    for await (const values of batches) {
      await file.write(new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
    }
    await file.commit();
  } catch (error) {
    await file.abort();
    throw error;
  }
}

/** A whole array of float32. Throws `dataset-invalid` for anything else, `io-error`. */
export async function readFloats(path: string): Promise<{ shape: number[]; values: Float32Array }> {
  let bytes: Buffer;
  try {
    bytes = await readFile(path);
  } catch (error) {
    throw fileError('read', path, error);
  }
  const { dtype, shape, dataOffset, fortranOrder } = parseNpyHeader(bytes, path);
  const length = shape.reduce((product, side) => product * side, 1);
  if (dtype !== '<f4' || fortranOrder || bytes.length !== dataOffset + 4 * length) {
    throw new DeepYeastError(
      'dataset-invalid',
      `${path} holds ${dtype} [${shape.join(', ')}] in ${bytes.length} bytes; remove it`,
    );
  }
  // Headers are whole multiples of 64 bytes, so that the values lie straight.
  return { shape, values: new Float32Array(bytes.buffer, bytes.byteOffset + dataOffset, length) };
}
