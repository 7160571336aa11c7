import { afterAll, beforeAll, expect, test } from 'vitest';
import { occlusionMap } from '../../src/features/occlusion';
import type { Network } from '../../src/network';
import { smallNetwork, smallSize } from '../small-model';

let network: Network;
beforeAll(async () => {
  network = await smallNetwork(['a', 'b', 'c']);
});
afterAll(() => network.close());

const mean = 80;

test('only what differs from the mean image can matter', async () => {
  const crop = new Uint8Array(smallSize * smallSize * 2).fill(mean);
  for (let y = 2; y < 5; y++) for (let x = 10; x < 13; x++) crop[(y * smallSize + x) * 2] = 255;
  const { drop, label, probability } = await occlusionMap(network, crop, { window: 3, step: 1 });
  expect(label).toBeGreaterThanOrEqual(0);
  expect(probability).toBeGreaterThan(1 / 3);
  let inside = 0;
  for (let y = 0; y < smallSize; y++) {
    for (let x = 0; x < smallSize; x++) {
      const value = Math.abs(drop[y * smallSize + x] as number);
      // Squares of three pixels reach the spot from at most two pixels away.
      if (y < 0 || y > 6 || x < 8 || x > 14) expect(value).toBeLessThan(1e-6);
      else inside = Math.max(inside, value);
    }
  }
  expect(inside).toBeGreaterThan(1e-4);
});

test('the whole crop covered is the mean image', async () => {
  const crop = Uint8Array.from({ length: smallSize * smallSize * 2 }, (_, i) => (i * 31) % 256);
  const { drop, probability } = await occlusionMap(network, crop, { label: 1, window: smallSize, step: smallSize });
  const blank = await network.predict(new Uint8Array(crop.length).fill(mean));
  expect(drop[0]).toBeCloseTo(probability - (blank.posteriors[1] as number), 5);
});

test('a label or window that does not exist is refused', async () => {
  const crop = new Uint8Array(smallSize * smallSize * 2);
  await expect(occlusionMap(network, crop, { label: 3 })).rejects.toMatchObject({ code: 'invalid-argument' });
  await expect(occlusionMap(network, crop, { window: 99 })).rejects.toMatchObject({ code: 'invalid-argument' });
});
