// Predictions of crops in memory: however they are cut into batches, and when they are cut short.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Network } from '../../src/network';
import { RandomStream } from '../../src/random';

const size = 8;
const bytes = size * size * 2;
const noise = new RandomStream(2, 'simulation', 0, 0);
const crops = (count: number) =>
  Uint8Array.from({ length: count * bytes }, (_, i) => Math.floor(256 * noise.uniform(i)));

let network: Network;
beforeAll(async () => {
  network = await Network.create({
    classes: ['a', 'b', 'c'],
    size,
    blocks: [[4], [4]],
    dense: [8],
    seed: 3,
    threads: 2,
  });
});
afterAll(() => network.close());

describe('predictions of crops in memory', () => {
  it('are the same in one batch as in many', async () => {
    const together = await network.predict(crops(7));
    expect(together.count).toBe(7);
    expect(together.classes).toEqual(['a', 'b', 'c']);
    for (const batchSize of [1, 3, 6, 7, 8]) {
      const cut = await network.predict(crops(7), { batchSize });
      expect(cut.posteriors, `batchSize ${batchSize}`).toEqual(together.posteriors);
      expect(cut.logits, `batchSize ${batchSize}`).toEqual(together.logits);
    }
    const alone = await network.predict(crops(1));
    expect(alone.posteriors).toEqual(together.posteriors.subarray(0, 3));
  });

  it.each([
    ['null', null],
    ['undefined', undefined],
    ['a number', 3],
    ['a path', 'data/test'],
    ['an array', [1, 2, 3]],
    ['an object', {}],
    ['other numbers', new Float32Array(bytes)],
  ])('refuse %s', async (_, wrong) => {
    const expected = {
      code: 'invalid-argument',
      message: expect.stringContaining('expected a Dataset or a Uint8Array'),
    };
    await expect(network.predict(wrong as never)).rejects.toMatchObject(expected);
    await expect(network.predictBatches(wrong as never).next()).rejects.toMatchObject(expected);
    await expect(network.activations(wrong as never, 'fc1').next()).rejects.toMatchObject(expected);
  });

  it('report what is done', async () => {
    const done = async (batchSize: number) => {
      const reports: [number, number][] = [];
      await network.predict(crops(5), { batchSize, onProgress: (cells, total) => reports.push([cells, total]) });
      return reports;
    };
    expect(await done(2)).toEqual([
      [2, 5],
      [4, 5],
      [5, 5],
    ]);
    expect(await done(5)).toEqual([[5, 5]]);
  });

  it('of no crop are empty', async () => {
    expect(await network.predict(new Uint8Array(0))).toMatchObject({ count: 0, logits: new Float32Array(0) });
  });

  it.each([1, 5])('are refused in batches of %s once they are cancelled', async (batchSize) => {
    const source = new AbortController();
    const running = network.predict(crops(5), { batchSize, signal: source.signal });
    source.abort();
    await expect(running).rejects.toMatchObject({ code: 'aborted' });
    await expect(network.predict(crops(5), { batchSize, signal: source.signal })).rejects.toMatchObject({
      code: 'aborted',
    });
  });

  it.each([0, -1, 2.5, Number.NaN])('are refused in batches of %s', async (batchSize) => {
    await expect(network.predict(crops(1), { batchSize })).rejects.toMatchObject({ code: 'invalid-argument' });
  });

  it('are refused for half a crop', async () => {
    await expect(network.predict(new Uint8Array(bytes + 1))).rejects.toMatchObject({ code: 'invalid-argument' });
  });
});
