/** Undoing the predictors of TIFF, in place, row by row. */

type Whole = Uint8Array | Uint16Array | Uint32Array;

/**
 * Predictor 2 (horizontal differencing): each sample is stored as its difference from the same sample of the pixel to its
 * left, modulo its size; floats by their bits. `bytes` are in the machine's byte order.
 */
export function undoDifferences(
  bytes: Uint8Array,
  bits: number,
  rows: number,
  rowSamples: number,
  samples: number,
): void {
  if (bits === 64) {
    undoDifferences64(bytes, rows, rowSamples, samples);
    return;
  }
  const values: Whole =
    bits === 8
      ? bytes
      : bits === 16
        ? new Uint16Array(bytes.buffer, bytes.byteOffset, rows * rowSamples)
        : new Uint32Array(bytes.buffer, bytes.byteOffset, rows * rowSamples);
  for (let row = 0; row < rows; row++) {
    const start = row * rowSamples;
    const end = start + rowSamples;
    if (samples === 1) {
      let sum = 0;
      for (let at = start; at < end; at++) {
        sum = (sum + (values[at] as number)) | 0;
        values[at] = sum;
      }
    } else {
      for (let at = start + samples; at < end; at++) {
        values[at] = ((values[at] as number) + (values[at - samples] as number)) | 0;
      }
    }
  }
}

function undoDifferences64(bytes: Uint8Array, rows: number, rowSamples: number, samples: number): void {
  const values = new BigUint64Array(bytes.buffer, bytes.byteOffset, rows * rowSamples);
  for (let row = 0; row < rows; row++) {
    const end = (row + 1) * rowSamples;
    for (let at = row * rowSamples + samples; at < end; at++) {
      values[at] = (values[at] as bigint) + (values[at - samples] as bigint);
    }
  }
}

/**
 * Predictor 3 (floating point): the bytes of a row's floats are stored as planes, the most significant first whatever the
 * file's byte order, and then differenced. Afterwards the floats are little endian.
 */
export function undoFloatPlanes(
  bytes: Uint8Array,
  size: number,
  rows: number,
  rowSamples: number,
  samples: number,
): void {
  const rowBytes = rowSamples * size;
  const planes = new Uint8Array(rowBytes);
  for (let row = 0; row < rows; row++) {
    const line = bytes.subarray(row * rowBytes, (row + 1) * rowBytes);
    for (let at = samples; at < rowBytes; at++) line[at] = (line[at] as number) + (line[at - samples] as number);
    planes.set(line);
    for (let plane = 0; plane < size; plane++) {
      const from = plane * rowSamples;
      const byte = size - 1 - plane;
      for (let at = 0; at < rowSamples; at++) line[at * size + byte] = planes[from + at] as number;
    }
  }
}
