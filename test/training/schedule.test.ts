import { describe, expect, it } from 'vitest';
import { parseRecipe, recipes } from '../../src/index';
import { Schedule } from '../../src/training/schedule';

const recipe = (value: object) => parseRecipe(value, 'recipe');

describe('Schedule', () => {
  it("is the paper's for the paper's training set", () => {
    const schedule = new Schedule(recipes.paper, 65_000);
    expect(schedule.iterations).toBe(195_000);
    for (const [iteration, rate] of [
      [0, 0.1],
      [16_249, 0.1],
      [16_250, 0.05],
      [32_499, 0.05],
      [32_500, 0.025],
      [194_999, 0.1 * 0.5 ** 11],
    ] as const) {
      expect(schedule.learningRate(iteration), `iteration ${iteration}`).toBe(rate);
    }
    expect(schedule.describe().join('\n')).toMatch(/300 epochs = 195,000 iterations of 100 cells, of 65,000/);
    expect(schedule.describe().join('\n')).toMatch(/0\.1, halved every 25 epochs = 16,250 iterations/);
    expect(schedule.describe().join('\n')).toMatch(/momentum 0\.9 \(caffe: .*weight decay 0\.0005/);
    expect(schedule.describe().join('\n')).toMatch(/augmentation: none/);
  });

  it('says what is done to the cells and which weights are averaged', () => {
    const { perturbations, averaging } = recipes.robust;
    const text = new Schedule(recipe({ perturbations, averaging }), 1000).describe().join('\n');
    expect(text).toMatch(/augmentation: zoom 0\.85 to 1\.3, shift up to 2 pixels, gain 0\.6 to 1\.25,/);
    expect(text).toMatch(/correlated noise 0 to 8 grey levels, .*mixup Beta\(0\.2, 0\.2\)/);
    expect(text).toMatch(/averaged with a half-life of 0\.5 epochs over the last 25% .* from 50 mini-batches/);
    expect(new Schedule(recipe({ perturbations: { zoom: [1, 1], shift: 0 } }), 1000).describe().join('\n')).toMatch(
      /augmentation: none$/m,
    );
  });

  it('counts epochs by cells where mini-batches do not divide them', () => {
    const schedule = new Schedule(recipe({ batchSize: 30, epochs: 3 }), 100);
    expect([0, 1, 2, 3].map((epoch) => schedule.epochBorder(epoch))).toEqual([0, 4, 7, 10]);
    expect(schedule.iterations).toBe(10);
    for (let epoch = 1; epoch <= 3; epoch++) {
      const border = schedule.epochBorder(epoch);
      expect(schedule.epochsAfter(border)).toBe(epoch);
      expect(schedule.epochsAfter(border - 1)).toBe(epoch - 1);
    }
    const halving = new Schedule(recipe({ batchSize: 30, schedule: { kind: 'step', halveEveryEpochs: 1 } }), 100);
    expect([3, 4, 6, 7].map((iteration) => halving.learningRate(iteration))).toEqual([0.1, 0.05, 0.05, 0.025]);
  });

  it('rises and falls along a cosine', () => {
    const schedule = new Schedule(
      recipe({ batchSize: 10, epochs: 10, learningRate: 0.2, schedule: { kind: 'cosine', warmUpEpochs: 2 } }),
      100,
    );
    const rates = Array.from({ length: schedule.iterations }, (_, i) => schedule.learningRate(i));
    expect(rates).toHaveLength(100);
    expect(rates[0]).toBeCloseTo(0.01, 12);
    expect(rates[19]).toBe(0.2);
    expect(rates[20]).toBe(0.2);
    expect(rates[60]).toBeCloseTo(0.1, 12);
    expect(rates[99]).toBeCloseTo(0.1 * (1 + Math.cos((79 / 80) * Math.PI)), 12);
    expect(rates.slice(0, 20)).toEqual([...rates.slice(0, 20)].sort((a, b) => a - b));
    expect(rates.slice(20)).toEqual([...rates.slice(20)].sort((a, b) => b - a));
    expect(schedule.describe()[1]).toMatch(/after a warm-up of 2 epochs = 20 iterations/);
  });

  it('stays where it is', () => {
    const schedule = new Schedule(recipe({ batchSize: 10, iterations: 7, schedule: { kind: 'constant' } }), 100);
    expect(schedule.iterations).toBe(7);
    expect(schedule.learningRate(0)).toBe(0.1);
    expect(schedule.learningRate(6)).toBe(0.1);
    expect(schedule.describe().slice(0, 2)).toEqual([
      '7 iterations of 10 cells, of 100 in the training set',
      'learning rate 0.1, constant',
    ]);
  });

  it('refuses a mini-batch larger than the training set, saying both counts', () => {
    expect(() => new Schedule(recipes.paper, 99)).toThrow(/batch size is 100, but the training set has 99 labelled/);
    expect(new Schedule(recipes.paper, 100).iterations).toBe(300);
  });

  it('refuses a warm-up that fills the training, and a training too long to count', () => {
    const warm = recipe({ batchSize: 10, epochs: 2, schedule: { kind: 'cosine', warmUpEpochs: 2 } });
    expect(() => new Schedule(warm, 100)).toThrow(/warm-up takes 20 iterations; expected fewer than the training's 20/);
    expect(() => new Schedule(recipe({ epochs: 1e12 }), 100)).toThrow(/expected 1 to 4294967295/);
  });
});
