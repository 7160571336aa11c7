import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { crops, deepyeast, importCrops } from './wt2-screen';

// The 877 real crops of three WT2 strains, for a network that has only seen simulated cells: proteins in two compartments
// (AAH1 and AAP1: cytoplasm and nucleus), and new classes from a few real cells. DEEPYEAST_SIMULATED_MODEL names a network
// of `deepyeast demo`; without it a small one is trained here.

describe.skipIf(!crops)('the WT2 strains, for a network that has only seen simulated cells', () => {
  let folder: string;
  let model: string;
  const at = (...parts: string[]) => join(folder, ...parts);

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'deepyeast-strains-'));
    importCrops(crops!, folder, at('wt2'));
    model = process.env.DEEPYEAST_SIMULATED_MODEL ?? at('run');
    if (process.env.DEEPYEAST_SIMULATED_MODEL !== undefined) return;
    const recipe = { schedule: { kind: 'cosine', warmUpEpochs: 0.1 }, batchSize: 16, augmentation: 'flips-and-turns' };
    writeFileSync(at('recipe.json'), JSON.stringify({ ...recipe, learningRate: 0.012, iterations: 500 }));
    deepyeast('simulate', '--out', at('screen'), '--cells', '5000', '--seed', '1');
    deepyeast(
      ...['train', '--training', at('screen/train'), '--validation', at('screen/validation'), '--depth', '5'],
      ...['--recipe', at('recipe.json'), '--seed', '1', '--out', at('run')],
    );
  }, 600_000);
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  test('AAH1 and AAP1, of cytoplasm and nucleus, are placed in one of the two first', () => {
    writeFileSync(at('two.csv'), 'protein,compartments\nAAH1,cytoplasm+nucleus\nAAP1,cytoplasm+nucleus\n');
    deepyeast('predict', at('wt2'), '--model', model, '--with', 'plate,well,field', '--out', at('predictions.csv'));
    const found = JSON.parse(
      deepyeast('proteins', at('predictions.csv'), '--compartments', at('two.csv'), '--bootstrap', '0', '--json'),
    ).twoCompartments;
    for (const { protein, cells, ranked, means } of found.proteins) {
      const shares = means.map((mean: number) => mean.toFixed(3)).join(', ');
      process.stdout.write(`${protein}, ${cells} cells: ${ranked.join(', ')}; its two compartments ${shares}\n`);
    }
    // A demo's network has the nucleus among the first three of twelve for both; the small one trained here sees less of it.
    expect(found).toMatchObject({ count: 2, unknownClass: 0 });
    if (process.env.DEEPYEAST_SIMULATED_MODEL !== undefined) expect(found.amongThree).toBe(2);
    for (const { ranked, means } of found.proteins) {
      expect(['cytoplasm', 'nucleus']).toContain(ranked[0]);
      expect(means[0] + means[1]).toBeGreaterThan(0.5);
    }
    expect(found.proteins.map(({ protein, cells }: { protein: string; cells: number }) => [protein, cells])).toEqual([
      ['AAH1', 203],
      ['AAP1', 308],
    ]);
  });

  test('are told apart on held-out fields after a few real cells', () => {
    deepyeast(
      ...['split', at('wt2'), '--by', 'field', '--into', 'train=0.5,validation=0.2,test=0.3', '--seed', '1'],
      ...['--out', at('parts')],
    );
    for (const part of ['train', 'validation', 'test']) {
      const out = at('measured', part === 'train' ? 'training' : part);
      deepyeast('features', '--classic', '--data', at('parts', part), '--out', out);
    }
    const parts = ['training', 'validation', 'test'].flatMap((name) => [
      `--${name}`,
      at('parts', name === 'training' ? 'train' : name),
    ]);
    const table = deepyeast(
      ...['transfer', '--model', model, ...parts, '--classic', at('measured'), '--sizes', '1,25', '--draws', '5'],
      ...['--embedded', '0', '--out', at('transferred')],
    );
    process.stdout.write(table);
    const { curve } = JSON.parse(readFileSync(at('transferred', 'transfer.json'), 'utf8'));
    for (const features of ['fc1', 'classic']) {
      const mean = (size: number) =>
        curve.find(
          (point: { features: string; classifier: string; selection: string; size: number }) =>
            point.features === features &&
            point.classifier === 'forest' &&
            point.selection === 'fixed' &&
            point.size === size,
        ).mean;
      // The larger class is 59% of the test cells.
      expect(mean(25), features).toBeGreaterThan(0.9);
      expect(mean(25), features).toBeGreaterThan(mean(1));
    }
  });
});

if (!crops) {
  test('the WT2 strains, for a network that has only seen simulated cells', (context) => {
    context.skip('real data absent: ../shared/data/wt2-cells (set DEEPYEAST_DATA to the folder of the data)');
  });
}
