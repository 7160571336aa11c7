import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Dataset } from '../../src/data/dataset';
import { parseRecipe, train } from '../../src/index';
import { Network } from '../../src/network';
import { DistillationTargets } from '../../src/training/distillation';
import { plantedDataset, smallNetwork } from './planted-dataset';

let folder: string;
let training: Dataset;
let teacher: string;
const recipe = parseRecipe({ batchSize: 10, epochs: 4, learningRate: 0.01 }, 'recipe');
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'deepyeast-distillation-'));
  training = await plantedDataset(join(folder, 'training'), { cells: 65 });
  teacher = join(folder, 'teacher');
  await using network = await Network.create({ classes: training.classes, ...smallNetwork, seed: 9 });
  await train(network, { training, recipe, run: teacher });
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

it("mixes the label with the teacher's posterior at the temperature", async () => {
  const classes = [...training.classes].reverse();
  const targets = await DistillationTargets.of(teacher, training, classes, { share: 0.25, temperature: 3 });
  await using network = await Network.load(teacher);
  const { logits } = await network.predict(training);
  const rows = Uint32Array.of(7, 0);
  const found = targets.take(rows, Int32Array.of(2, 1));
  rows.forEach((row, i) => {
    const exponentials = classes.map((name) =>
      Math.exp((logits[3 * row + training.classes.indexOf(name)] as number) / 3),
    );
    const sum = exponentials.reduce((total, value) => total + value);
    classes.forEach((_, k) => {
      const expected = (0.25 * (exponentials[k] as number)) / sum + (k === [2, 1][i] ? 0.75 : 0);
      expect(found[3 * i + k]).toBeCloseTo(expected, 6);
    });
  });
});

it('a student learns from a teacher what no label tells it, and goes on to the same bits', async () => {
  // Labels that are all wrong by one; the teacher was trained on the right ones.
  const wrong = await plantedDataset(join(folder, 'wrong'), { cells: 65 });
  const labels = wrong.labels.map((label) => (label + 1) % 3);
  const mislabelled = Object.create(wrong, { labels: { value: labels } }) as Dataset;
  const distilling = { ...recipe, epochs: 8, distillation: { share: 1, temperature: 1 } };
  const options = { training: mislabelled, recipe: distilling, teacher };
  await using student = await Network.create({ classes: training.classes, ...smallNetwork });
  await train(student, { ...options, run: join(folder, 'student') });
  const { posteriors } = await student.predict(training);
  let right = 0;
  training.labels.forEach((label, cell) => {
    const row = [...posteriors.subarray(3 * cell, 3 * cell + 3)];
    if (row.indexOf(Math.max(...row)) === label) right++;
  });
  expect(right).toBeGreaterThan(60);

  const run = join(folder, 'stopped');
  await using stopped = await Network.create({ classes: training.classes, ...smallNetwork });
  for await (const _ of train(stopped, { ...options, run })) break;
  await using resumed = await Network.create({ classes: training.classes, ...smallNetwork });
  await train(resumed, { ...options, run, resume: true });
  expect((await resumed.predict(training)).logits).toEqual((await student.predict(training)).logits);
  // Without the teacher, or with another, it is another run.
  await using other = await Network.create({ classes: training.classes, ...smallNetwork });
  await expect(train(other, { training: mislabelled, run, resume: true })).rejects.toMatchObject({
    code: 'invalid-argument',
    message: expect.stringMatching(/learns from a teacher, but none is given/),
  });
  await expect(train(other, { ...options, teacher: join(folder, 'student'), run, resume: true })).rejects.toMatchObject(
    { code: 'run-mismatch' },
  );
});

it('refuses a teacher of other classes', async () => {
  await using student = await Network.create({ ...smallNetwork, classes: [...training.classes, 'golgi'] });
  await expect(train(student, { training, recipe, teacher })).rejects.toMatchObject({ code: 'model-mismatch' });
});
