import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { permutation } from '../../src/random';
import { BatchStream } from '../../src/training/batches';
import type { ClassSampling } from '../../src/training/recipe';

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

describe('classes in other proportions than the training set', () => {
  /** Class 0 has 81 cells, class 1 has 16, class 2 has 3: roots 9, 4 and about 1.73. */
  const uneven = Int32Array.from({ length: 100 }, (_, i) => (i < 81 ? 0 : i < 97 ? 1 : 2));
  const all = Uint32Array.from({ length: 100 }, (_, i) => 1000 + i);
  const epochs = (sampling: ClassSampling, count: number) =>
    new BatchStream(5, all, uneven, 10, sampling).take(0, 10 * count);
  const countsOf = (labels: Int32Array) => [0, 1, 2].map((label) => labels.filter((each) => each === label).length);

  it('shows every class equally often, or in proportion to the root of its cells', () => {
    for (const epoch of [0, 1, 2]) {
      const even = new BatchStream(5, all, uneven, 10, 'even').take(10 * epoch, 10);
      expect(countsOf(even.labels)).toEqual([34, 33, 33]);
      const root = new BatchStream(5, all, uneven, 10, 'square-root').take(10 * epoch, 10);
      expect(countsOf(root.labels)).toEqual([61, 27, 12]);
    }
  });

  it('shows the cells of a class in turn: none a second time before all were shown once', () => {
    for (const sampling of ['even', 'square-root'] as const) {
      const { indices, labels } = epochs(sampling, 7);
      for (const [label, size] of [81, 16, 3].entries()) {
        const times = new Map<number, number>();
        indices.forEach((row, i) => {
          if (labels[i] === label) times.set(row, (times.get(row) ?? 0) + 1);
        });
        const shown = [...times.values()];
        const total = shown.reduce((a, b) => a + b, 0);
        expect(Math.max(...shown) - (times.size < size ? 0 : Math.min(...shown))).toBeLessThanOrEqual(1);
        expect(Math.max(...shown)).toBe(Math.ceil(total / size));
      }
    }
  });

  it('gives every row its own label', () => {
    const { indices, labels } = epochs('even', 3);
    indices.forEach((row, i) => {
      expect(labels[i]).toBe(uneven[row - 1000]);
    });
  });

  it('gives the same mini-batches however they are asked for', () => {
    const together = epochs('square-root', 4);
    const other = new BatchStream(5, all, uneven, 10, 'square-root');
    other.take(33, 2);
    const single = Array.from({ length: 40 }, (_, i) => [...other.take(i, 1).indices]).flat();
    expect(single).toEqual([...together.indices]);
  });
});
