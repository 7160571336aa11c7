import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { permutation } from '../../src/random';
import { BatchStream } from '../../src/training/batches';

const rows = Uint32Array.from({ length: 10 }, (_, i) => 100 + i);
const labels = Int32Array.from({ length: 10 }, (_, i) => i * i);

describe('BatchStream', () => {
  it('cuts the permutations of all epochs, one after the other, into full mini-batches', () => {
    const stream = [0, 1, 2].flatMap((epoch) => [...permutation(7, 'shuffle', epoch, 10)]);
    const batches = new BatchStream(7, rows, labels, 4);
    for (let iteration = 0; iteration < 7; iteration++) {
      const cells = stream.slice(4 * iteration, 4 * iteration + 4);
      const batch = batches.take(iteration, 1);
      expect([...batch.indices]).toEqual(cells.map((cell) => 100 + cell));
      expect([...batch.labels]).toEqual(cells.map((cell) => cell * cell));
    }
  });

  it('shows every cell once an epoch', () => {
    const { indices } = new BatchStream(1, rows, labels, 5).take(4, 2);
    expect([...indices].sort()).toEqual([...rows]);
  });

  it('gives the same mini-batches however they are asked for', () => {
    fc.assert(
      fc.property(
        fc.nat(1000),
        fc.integer({ min: 1, max: 10 }),
        fc.integer({ min: 1, max: 12 }),
        (first, batchSize, count) => {
          const together = new BatchStream(3, rows, labels, batchSize).take(first, count);
          const other = new BatchStream(3, rows, labels, batchSize);
          other.take(first + 5, 1);
          const single = Array.from({ length: count }, (_, i) => [...other.take(first + i, 1).indices]).flat();
          expect(single).toEqual([...together.indices]);
        },
      ),
    );
  });

  it('shuffles by the seed', () => {
    const one = new BatchStream(1, rows, labels, 10).take(0, 1).indices;
    const two = new BatchStream(2, rows, labels, 10).take(0, 1).indices;
    expect(one).not.toEqual(two);
  });
});
