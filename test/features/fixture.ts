import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { NamedFeatureMatrix } from '../../src/features/matrix';
import { RandomStream } from '../../src/random';

/** Values that test/fixtures/analyses/generate.py wrote. */
export function analysisFixture<Values>(name: string): Values {
  return JSON.parse(readFileSync(join(__dirname, '../fixtures/analyses', `${name}.json`), 'utf8'));
}

/** A table of features from rows of numbers. */
export function matrixOf(rows: readonly (readonly number[])[], prefix = 'f'): NamedFeatureMatrix {
  const columns = rows[0]?.length ?? 0;
  const names = Array.from({ length: columns }, (_, c) => `${prefix}${c}`);
  return { rows: rows.length, columns, names, values: Float32Array.from(rows.flat()) };
}

/** Standard normal numbers of a seed. */
export function normals(count: number, seed: number): number[] {
  const stream = new RandomStream(seed, 'analysis', 0, 77);
  return Array.from({ length: count }, (_, i) => stream.normal(i));
}
