import type { ProteinCell } from '../../src/proteins/soft-counts';
import { RandomSequence, RandomStream } from '../../src/random';

export type PlantedCell = ProteinCell & { posterior: number[] };

/** Random numbers for planting. */
export function draws(seed: number): RandomSequence {
  return new RandomSequence(new RandomStream(seed, 'simulation', 0, 0));
}

/** A mixture drawn from the uniform Dirichlet distribution. */
export function dirichletVariate(random: RandomSequence, classes: number): number[] {
  const exponentials = Array.from({ length: classes }, () => -Math.log(1 - random.uniform()));
  const sum = exponentials.reduce((total, value) => total + value, 0);
  return exponentials.map((value) => value / sum);
}

function drawClass(random: RandomSequence, mixture: readonly number[]): number {
  let left = random.uniform();
  for (let c = 0; c < mixture.length - 1; c++) {
    left -= mixture[c] as number;
    if (left < 0) return c;
  }
  return mixture.length - 1;
}

/**
 * Cells of one protein whose classes are drawn from a mixture. `together` is the chance that a cell has its field's
 * class instead of one of its own; `soft` posteriors are uncertain float32 numbers, others are certain.
 */
export function plantMixture(
  random: RandomSequence,
  protein: string,
  mixture: readonly number[],
  options: { fields: number; cellsPerField: number; together: number; soft?: boolean },
): PlantedCell[] {
  const cells: PlantedCell[] = [];
  for (let field = 0; field < options.fields; field++) {
    const shared = drawClass(random, mixture);
    for (let i = 0; i < options.cellsPerField; i++) {
      const truth = random.uniform() < options.together ? shared : drawClass(random, mixture);
      const noise = options.soft ? dirichletVariate(random, mixture.length) : undefined;
      const posterior = mixture.map((_, c) => {
        const certain = c === truth ? 1 : 0;
        return noise ? Math.fround(0.5 * certain + 0.5 * (noise[c] as number)) : certain;
      });
      cells.push({ protein, field: `${protein}-${field}`, label: null, posterior });
    }
  }
  return cells;
}
