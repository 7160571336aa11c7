import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'vitest';
import { type Checkpoint, Network, writeModel } from '../../../src/network';
import { projectRoot } from '../../shared-data';

/** A file that test/fixtures/exchange/generate.py wrote. */
export function fixture(name: string): string {
  return join(projectRoot, 'test/fixtures/exchange', name);
}

/** Four random crops of 16 x 16 x 2 pixels. */
export async function fixtureImages(): Promise<Uint8Array> {
  const file = await readFile(fixture('images.npy'));
  return new Uint8Array(file.subarray(file.length - 4 * 16 * 16 * 2));
}

export async function expectedOutputs(name: string): Promise<{ logits: number[]; posteriors: number[] }> {
  return JSON.parse(await readFile(fixture('expected.json'), 'utf8'))[name];
}

/** max|a - b| / max|b| */
export function relativeError(found: ArrayLike<number>, expected: ArrayLike<number>): number {
  expect(found.length).toBe(expected.length);
  let largest = 0;
  let error = 0;
  for (let i = 0; i < expected.length; i++) {
    largest = Math.max(largest, Math.abs(expected[i] as number));
    error = Math.max(error, Math.abs((found[i] as number) - (expected[i] as number)));
  }
  expect(largest).toBeGreaterThan(0);
  return error / largest;
}

/** Writes a model, loads it as any other and predicts. */
export async function predictWith(model: Checkpoint, path: string, images: Uint8Array) {
  await writeModel(path, model);
  const network = await Network.load(path, { threads: 1 });
  try {
    return await network.predict(images);
  } finally {
    await network.close();
  }
}
