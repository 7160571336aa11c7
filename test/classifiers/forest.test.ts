// Random forests against scikit-learn (test/fixtures/forest), against themselves (threads, files, more trees) and
// against planted truths.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { Forest, type ForestOptions, searchForest } from '../../src/classifiers';
import type { FeatureMatrix } from '../../src/features/matrix';
import { RandomStream } from '../../src/random';
import { projectRoot } from '../shared-data';
import { temporaryFolder } from '../temporary-folder';

interface Statistics<Value> {
  mean: Value;
  deviation: Value;
}
interface Result {
  accuracy: Statistics<number>;
  macroRecall: Statistics<number>;
  outOfBagError: Statistics<number>;
  logLoss: Statistics<number>;
  nodes: Statistics<number>;
  impurityImportance: Statistics<number[]>;
  permutationImportance: Statistics<number[]>;
}
const fixture = JSON.parse(readFileSync(join(projectRoot, 'test/fixtures/forest/forest.json'), 'utf8')) as {
  trees: number;
  columns: number;
  train: { values: number[]; labels: number[] };
  test: { values: number[]; labels: number[] };
  results: Record<string, Result>;
};
const classes = ['a', 'b', 'c', 'd'];
const { columns } = fixture;
const matrix = (values: ArrayLike<number>, width = columns): FeatureMatrix => ({
  values: Float32Array.from(values),
  rows: values.length / width,
  columns: width,
});
const training = { features: matrix(fixture.train.values), labels: fixture.train.labels };
const validation = { features: matrix(fixture.test.values), labels: fixture.test.labels };

const trained = (options: ForestOptions = {}) =>
  Forest.train(training.features, training.labels, classes, { trees: 20, featuresPerSplit: 4, ...options });

function callsOf(posteriors: Float32Array, count = classes.length): number[] {
  return Array.from({ length: posteriors.length / count }, (_, row) => {
    const votes = posteriors.subarray(row * count, (row + 1) * count);
    return votes.indexOf(Math.max(...votes));
  });
}

function accuracyOf(posteriors: Float32Array, labels: readonly number[]): number {
  return callsOf(posteriors).filter((call, row) => call === labels[row]).length / labels.length;
}

/** The mean over our seeds lies within the spread of scikit-learn's mean and ours: five standard errors of both. */
function expectLike(values: number[], { mean, deviation }: Statistics<number>, theirs = 8): void {
  const ours = values.reduce((sum, value) => sum + value, 0) / values.length;
  const allowed = 5 * deviation * Math.sqrt(1 / values.length + 1 / theirs);
  expect(Math.abs(ours - mean), `${ours} against scikit-learn's ${mean}`).toBeLessThanOrEqual(allowed + 1e-9);
}

describe('scikit-learn', () => {
  const settings: Record<string, ForestOptions> = {
    plain: { featuresPerSplit: 4 },
    'large leaves': { featuresPerSplit: 4, leafSize: 12 },
    balanced: { featuresPerSplit: 2, leafSize: 5, classWeights: 'balanced' },
  };
  test.each(Object.entries(settings))(
    '%s: accuracy, probabilities, out-of-bag error, importances',
    async (name, options) => {
      const expected = fixture.results[name]!;
      const runs = [];
      for (let seed = 0; seed < 6; seed++) {
        await using forest = await trained({ ...options, trees: fixture.trees, seed });
        const posteriors = await forest.predict(validation.features);
        const permuted = await forest.permutationImportance(validation.features, validation.labels, {
          seed,
          repeats: 2,
        });
        const calls = callsOf(posteriors);
        const losses = validation.labels.map((label, row) => -Math.log(Math.max(posteriors[row * 4 + label]!, 1e-3)));
        const recalls = classes.map((_, k) => {
          const rows = validation.labels.flatMap((label, row) => (label === k ? [row] : []));
          return rows.filter((row) => calls[row] === k).length / rows.length;
        });
        runs.push({
          accuracy: accuracyOf(posteriors, validation.labels),
          macroRecall: recalls.reduce((sum, value) => sum + value, 0) / 4,
          logLoss: losses.reduce((sum, value) => sum + value, 0) / losses.length,
          outOfBagError: forest.outOfBagError!,
          impurity: forest.impurityImportance(),
          permutation: permuted.mean,
        });
      }
      expectLike(
        runs.map((run) => run.accuracy),
        expected.accuracy,
      );
      expectLike(
        runs.map((run) => run.macroRecall),
        expected.macroRecall,
      );
      expectLike(
        runs.map((run) => run.logLoss),
        expected.logLoss,
      );
      expectLike(
        runs.map((run) => run.outOfBagError),
        expected.outOfBagError,
      );
      for (let column = 0; column < columns; column++) {
        const at = ({ mean, deviation }: Statistics<number[]>) => ({
          mean: mean[column]!,
          deviation: deviation[column]!,
        });
        expectLike(
          runs.map((run) => run.impurity[column]!),
          at(expected.impurityImportance),
        );
        expectLike(
          runs.map((run) => run.permutation[column]!),
          at(expected.permutationImportance),
        );
      }
    },
  );
});

describe('the same forest', () => {
  const folder = temporaryFolder();

  test('for any number of threads, byte by byte; another one for another seed', async () => {
    const files: Buffer[] = [];
    for (const [threads, seed] of [
      [1, 7],
      [2, 7],
      [5, 7],
      [2, 8],
    ] as const) {
      await using forest = await trained({ threads, seed, downSample: true });
      await forest.save(folder.path('forest'));
      files.push(readFileSync(folder.path('forest')));
    }
    expect(files[1]!.equals(files[0]!)).toBe(true);
    expect(files[2]!.equals(files[0]!)).toBe(true);
    expect(files[3]!.equals(files[0]!)).toBe(false);
  });

  test('after saving and loading', async () => {
    await using forest = await Forest.train(
      { ...training.features, names: Array.from({ length: columns }, (_, i) => `f${i}`) },
      training.labels,
      classes,
      { trees: 30, featuresPerSplit: 4, leafSize: 3, classWeights: [1, 2, 3, 4], seed: 5 },
    );
    await forest.save(folder.path('forest.safetensors'));
    await using loaded = await Forest.load(folder.path('forest.safetensors'));
    expect(loaded.classes).toEqual(classes);
    expect(loaded.names).toEqual(forest.names);
    expect(loaded.options).toEqual(forest.options);
    expect(loaded.outOfBagError).toBe(forest.outOfBagError);
    expect(loaded.impurityImportance()).toEqual(forest.impurityImportance());
    expect(await loaded.predict(validation.features)).toEqual(await forest.predict(validation.features));
    // And once more: what was loaded can be saved.
    await loaded.save(folder.path('again.safetensors'));
    await using again = await Forest.load(folder.path('again.safetensors'));
    expect(await again.predict(validation.features)).toEqual(await forest.predict(validation.features));
  });

  test('in the search as trained alone: trees are shared, not changed', async () => {
    const progress: number[] = [];
    const { best, rows } = await searchForest(
      training,
      validation,
      { trees: [30, 5, 12], featuresPerSplit: [2, 9, 300], leafSize: [1, 20] },
      { classes, seed: 3, onProgress: (done, total) => progress.push(done / total) },
    );
    expect(rows.map(({ trees, featuresPerSplit, leafSize }) => [featuresPerSplit, leafSize, trees])).toEqual(
      [2, 9].flatMap((f) => [1, 20].flatMap((leaf) => [5, 12, 30].map((trees) => [f, leaf, trees]))),
    );
    for (const { accuracy, macroRecall, ...setting } of rows) {
      await using forest = await trained({ ...setting, seed: 3 });
      expect(accuracyOf(await forest.predict(validation.features), validation.labels)).toBe(accuracy);
      expect(macroRecall).toBeLessThanOrEqual(1);
    }
    expect(best.accuracy).toBe(Math.max(...rows.map(({ accuracy }) => accuracy)));
    expect(progress.at(-1)).toBe(1);
    expect(progress).toEqual([...progress].sort((a, b) => a - b));
  });
});

test('permutation importance is the loss of accuracy with the column permuted, exactly', async () => {
  await using forest = await trained({ trees: 25, leafSize: 4 });
  const { values, rows } = validation.features;
  const { accuracy, decreases } = await forest.permutationImportance(validation.features, validation.labels, {
    seed: 9,
    repeats: 2,
  });
  expect(accuracy).toBe(accuracyOf(await forest.predict(validation.features), validation.labels));
  for (let repeat = 0; repeat < 2; repeat++) {
    for (let column = 0; column < columns; column++) {
      const stream = new RandomStream(9, 'forest', repeat, 16 + column);
      const order = Array.from({ length: rows }, (_, row) => row);
      for (let last = rows - 1; last > 0; last--) {
        const pick = Number((BigInt(stream.word(last)) * BigInt(last + 1)) >> 32n);
        [order[last], order[pick]] = [order[pick]!, order[last]!];
      }
      const permuted = values.slice();
      for (let row = 0; row < rows; row++) permuted[row * columns + column] = values[order[row]! * columns + column]!;
      const without = accuracyOf(await forest.predict(matrix(permuted)), validation.labels);
      expect(decreases[repeat * columns + column]).toBeCloseTo(accuracy - without, 12);
    }
  }
});

test('a column that copies the class has all the importance; a rare class is found when down-sampled', async () => {
  const rows = 900;
  const noise = new RandomStream(4, 'simulation', 0, 0);
  const labels = Array.from({ length: rows }, (_, row) => (row % 30 === 0 ? 1 : 0));
  const values = labels.flatMap((label, row) => [
    noise.normal(3 * row),
    label + 0.9 * noise.normal(3 * row + 1),
    noise.normal(3 * row + 2),
  ]);
  const features = matrix(values, 3);
  const options = { trees: 100, featuresPerSplit: 2, seed: 1 };
  const recall = async (forest: Forest) => {
    const calls = callsOf(await forest.predict(features), 2);
    return labels.filter((label, row) => label === 1 && calls[row] === 1).length / (rows / 30);
  };
  await using plain = await Forest.train(features, labels, ['cell', 'debris'], { ...options, leafSize: 8 });
  await using sampled = await Forest.train(features, labels, ['cell', 'debris'], { ...options, downSample: true });
  expect(await recall(sampled)).toBeGreaterThan((await recall(plain)) + 0.3);
  const copied = matrix(
    labels.flatMap((label, row) => [noise.normal(row), label, noise.normal(5000 + row)]),
    3,
  );
  await using copy = await Forest.train(copied, labels, ['cell', 'debris'], { trees: 50, featuresPerSplit: 3 });
  expect([...copy.impurityImportance()]).toEqual([0, 1, 0]);
  expect(copy.outOfBagError).toBe(0);
});

test('one class, one row, constant columns: a forest of leaves', async () => {
  await using one = await Forest.train(matrix([1, 2, 3, 4], 2), [1, 1], ['a', 'b', 'c'], { trees: 3 });
  expect([...(await one.predict(matrix([5, 5], 2)))]).toEqual([0, 1, 0]);
  await using constant = await Forest.train(matrix([1, 1, 1, 1], 1), [0, 1, 0, 1], ['a', 'b'], { trees: 200, seed: 2 });
  const [a, b] = await constant.predict(matrix([1], 1));
  expect(a! + b!).toBeCloseTo(1, 6);
  expect(a).toBeGreaterThan(0.3);
  expect([...constant.impurityImportance()]).toEqual([0]);
  expect((await constant.predict(matrix([], 1))).length).toBe(0);
});

describe('bad input', () => {
  const folder = temporaryFolder();
  const small = matrix([0, 1, 2, 3, 4, 5], 2);

  test.each([
    ['a value that is not finite', matrix([0, 1, Number.NaN, 3], 2), [0, 1], {}, 'invalid-argument', 'row 1, column 0'],
    ['values of another size', { ...small, rows: 4 }, [0, 1, 0], {}, 'invalid-argument', '4 rows'],
    ['too few labels', small, [0, 1], {}, 'invalid-argument', '2 labels'],
    ['a label beyond the classes', small, [0, 1, 2], {}, 'labels-invalid', '2'],
    ['a label that is no integer', small, [0, 0.5, 1], {}, 'labels-invalid', '0.5'],
    ['more features than columns', small, [0, 1, 0], { featuresPerSplit: 3 }, 'invalid-argument', 'at most 2'],
    ['no trees', small, [0, 1, 0], { trees: 0 }, 'invalid-argument', 'trees'],
    ['a leaf of nothing', small, [0, 1, 0], { leafSize: 0 }, 'invalid-argument', 'leafSize'],
    ['weights of zero', small, [0, 1, 0], { classWeights: [0, 1] }, 'invalid-argument', 'classWeights'],
    ['a weight missing', small, [0, 1, 0], { classWeights: [1] }, 'invalid-argument', 'classWeights'],
    ['no rows', matrix([], 2), [], {}, 'invalid-argument', 'one row or more'],
  ])('%s', async (_, features, labels, options, code, message) => {
    await expect(Forest.train(features, labels, ['a', 'b'], options)).rejects.toMatchObject({
      code,
      message: expect.stringContaining(message),
    });
  });

  test('features of another width, and a closed forest', async () => {
    const forest = await trained({ trees: 1 });
    await expect(forest.predict(small)).rejects.toMatchObject({ code: 'invalid-argument' });
    await forest.close();
    await forest.close();
    await expect(forest.predict(validation.features)).rejects.toMatchObject({ code: 'closed' });
    await expect(forest.save(folder.path('x'))).rejects.toMatchObject({ code: 'closed' });
  });

  test('a cancelled training ends soon and with `aborted`', async () => {
    const controller = new AbortController();
    const seen: number[] = [];
    const training = trained({
      trees: 100_000,
      signal: controller.signal,
      onProgress: (done) => {
        seen.push(done);
        controller.abort();
      },
    });
    await expect(training).rejects.toMatchObject({ code: 'aborted' });
    expect(seen.at(-1)).toBeLessThan(100_000);
  });

  test('a damaged file is refused: every byte of the header and the trees counts', async () => {
    const path = folder.path('forest.safetensors');
    await using forest = await trained({ trees: 4, leafSize: 30 });
    await forest.save(path);
    const bytes = readFileSync(path);
    await expect(Forest.load(folder.path('missing'))).rejects.toMatchObject({ code: 'io-error' });
    writeFileSync(path, bytes.subarray(0, bytes.length - 3));
    await expect(Forest.load(path)).rejects.toMatchObject({ code: 'model-invalid' });
    writeFileSync(path, bytes.toString('latin1').replace('deepyeast-forest', 'deepyeast-florist'), 'latin1');
    await expect(Forest.load(path)).rejects.toMatchObject({ code: 'model-invalid' });
    // Whatever 32 bits are written over the trees: refused, or a forest that still gives probabilities.
    const begin = 8 + Number(bytes.readBigUInt64LE(0));
    const word = new RandomStream(1, 'simulation', 0, 1);
    let refused = 0;
    for (let attempt = 0; attempt < 60; attempt++) {
      const damaged = Buffer.from(bytes);
      const at = begin + 4 * (word.word(3 * attempt) % Math.floor((bytes.length - begin) / 4));
      damaged.writeInt32LE(attempt % 2 ? word.word(3 * attempt + 1) | 0 : (word.word(3 * attempt + 1) % 60) - 2, at);
      writeFileSync(path, damaged);
      try {
        await using loaded = await Forest.load(path);
        expect((await loaded.predict(validation.features)).every(Number.isFinite)).toBe(true);
      } catch (error) {
        expect(error).toMatchObject({ code: 'model-invalid' });
        refused++;
      }
    }
    expect(refused).toBeGreaterThan(8);
  });
});
