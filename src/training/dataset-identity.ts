import { createHash } from 'node:crypto';
import type { Dataset } from '../data/dataset';
import type { Normalization } from '../data/normalization';

/** By what a run recognises its dataset when it is resumed; where the dataset lies does not matter. */
export interface DatasetIdentity {
  cells: number;
  size: number;
  channels: string[];
  classes: string[];
  normalization: Normalization;
  /** SHA-256 of all labels and of the pixels of some cells. */
  fingerprint: string;
}

/** Cells whose pixels are read for the fingerprint, evenly spaced: enough to notice another order or another import. */
const sampledCells = 64;

/** @throws images-truncated, io-error */
export async function identifyDataset(dataset: Dataset): Promise<DatasetIdentity> {
  const { count, labels } = dataset;
  const sample = new Set<number>();
  for (let i = 0; i < sampledCells; i++) sample.add(Math.floor((i * count) / sampledCells));
  const hash = createHash('sha256');
  hash.update(new Uint8Array(labels.buffer, labels.byteOffset, labels.byteLength));
  hash.update(await dataset.readImages(Uint32Array.from(sample)));
  return {
    cells: count,
    size: dataset.size,
    channels: [...dataset.channels],
    classes: [...dataset.classes],
    normalization: dataset.normalization,
    fingerprint: hash.digest('hex'),
  };
}
