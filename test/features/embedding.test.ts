import { describe, expect, test } from 'vitest';
import { embed } from '../../src/features/embedding';
import { nearestPoints, neighbourPurity } from '../../src/features/neighbours';
import { principalComponents } from '../../src/features/pca';
import { pairSimilarities, tsne } from '../../src/features/tsne';
import { umap } from '../../src/features/umap';
import { analysisFixture, matrixOf, normals } from './fixture';

interface Pca {
  cases: { rows: number; columns: number; values: number[]; variances: number[]; scores: number[] }[];
}
interface Tsne {
  n: number;
  dimensions: number;
  perplexity: number;
  points: number[];
  similarities: number[];
  divergence: number;
}

/** Cells of three classes around three points that are far apart. */
function clusters(count: number, dimensions = 5) {
  const noise = normals(count * dimensions, 9);
  const labels = Array.from({ length: count }, (_, i) => i % 3);
  const rows = labels.map((label, i) =>
    Array.from({ length: dimensions }, (_, d) => (d === label ? 12 : 0) + (noise[i * dimensions + d] as number)),
  );
  return { labels, rows };
}

test('principal components are scikit-learn’s, but for the sign', () => {
  for (const { rows, columns, values, variances, scores } of analysisFixture<Pca>('pca').cases) {
    const names = Array.from({ length: columns }, (_, c) => `f${c}`);
    const found = principalComponents({ rows, columns, names, values: Float32Array.from(values) }, 5);
    found.variances.forEach((variance, i) => {
      expect(variance / (variances[i] as number)).toBeCloseTo(1, 6);
    });
    for (let c = 0; c < 5; c++) {
      const sign = Math.sign((found.scores[c] as number) * (scores[c] as number));
      for (let row = 0; row < rows; row++) {
        expect(found.scores[row * 5 + c]).toBeCloseTo(sign * (scores[row * 5 + c] as number), 5);
      }
    }
  }
});

describe('t-SNE', () => {
  const { n, dimensions, perplexity, points, similarities, divergence } = analysisFixture<Tsne>('tsne');
  const values = Float64Array.from(points);

  test('similarities are scikit-learn’s', () => {
    const found = pairSimilarities(values, n, dimensions, perplexity);
    expect(found).toHaveLength(similarities.length);
    // scikit-learn's sum to one over ordered pairs too, and its entropies agree to 1e-5.
    found.forEach((value, i) => {
      expect(Math.abs(value - (similarities[i] as number))).toBeLessThan(1e-8 + 1e-4 * value);
    });
  });

  test('its divergence is no worse than scikit-learn’s', async () => {
    const names = Array.from({ length: dimensions }, (_, d) => `f${d}`);
    const features = { rows: n, columns: dimensions, names, values: Float32Array.from(points) };
    const { scores, count } = principalComponents(features, dimensions);
    const found = await tsne(scores, n, count, { perplexity });
    expect(found.divergence).toBeLessThan(divergence + 0.05);
  });

  test('too high a perplexity is refused', async () => {
    await expect(tsne(values, n, dimensions, { perplexity: 40 })).rejects.toMatchObject({ code: 'invalid-argument' });
  });
});

test('t-SNE and UMAP separate planted clusters, the same way for the same seed', async () => {
  const { labels, rows } = clusters(90);
  const features = matrixOf(rows);
  const first = await embed(features, labels, { seed: 4, iterations: 400 });
  expect(first.purity).toEqual({ features: 1, tsne: 1, umap: 1 });
  expect(first.perplexity).toBe(29);
  const again = await embed(features, labels, { seed: 4, iterations: 400 });
  expect(again.tsne).toEqual(first.tsne);
  expect(again.umap).toEqual(first.umap);
});

test('an embedding can be cancelled', async () => {
  const { labels, rows } = clusters(60);
  const signal = AbortSignal.abort();
  await expect(embed(matrixOf(rows), labels, { signal })).rejects.toMatchObject({ code: 'aborted' });
  await expect(umap(new Float64Array(10), 5, 2)).rejects.toMatchObject({ code: 'invalid-argument' });
});

describe('neighbours', () => {
  const points = { count: 5, dimensions: 1, values: [0, 1, 3, 10, 11] };

  test('nearest first, equal distances by position', () => {
    expect(nearestPoints(points, 1, 3)).toEqual([0, 2, 3]);
    expect(nearestPoints({ count: 3, dimensions: 1, values: [1, 0, 2] }, 0, 2)).toEqual([1, 2]);
    expect(() => nearestPoints(points, 0, 5)).toThrow(/5 neighbours asked of 5 points/);
  });

  test('purity is the share of neighbours in the class', () => {
    expect(neighbourPurity(points, [0, 0, 0, 1, 1], 1)).toBe(1);
    expect(neighbourPurity(points, [0, 1, 0, 1, 1], 1)).toBe(2 / 5);
  });
});
