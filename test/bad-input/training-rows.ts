import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Dataset, Network, type Recipe, recipes, train } from '../../src/index';
import type { BadInputRow } from './row';
import { writeSmallDataset } from './small-dataset';

const smallRecipe: Recipe = {
  ...recipes.paper,
  learningRate: 0.01,
  batchSize: 8,
  epochs: undefined as never,
  iterations: 4,
};
delete (smallRecipe as { epochs?: number }).epochs;

async function trainSmall(workspace: string, recipe: Partial<Recipe> = {}): Promise<void> {
  const training = await Dataset.open(join(workspace, 'data'));
  const network = await Network.create({ classes: training.classes, size: 8, blocks: [[4], [4]], dense: [8], seed: 1 });
  try {
    for await (const _ of train(network, {
      training,
      recipe: { ...smallRecipe, ...recipe },
      run: join(workspace, 'run'),
    }));
  } finally {
    await network.close();
  }
}

export const trainCommand = (workspace: string, ...more: string[]): string[] => [
  'train',
  '--training',
  join(workspace, 'data'),
  '--out',
  join(workspace, 'run'),
  '--iterations',
  '4',
  '--batch-size',
  '8',
  '--learning-rate',
  '0.01',
  ...more,
];

/** Rows that training answers. */
export const trainingRows: BadInputRow[] = [
  {
    name: 'a training set of one class only',
    spoil: (workspace) => {
      rmSync(join(workspace, 'data'), { recursive: true });
      writeSmallDataset(join(workspace, 'data'), { label: () => 1 });
    },
    api: trainSmall,
    command: trainCommand,
    code: 'dataset-invalid',
    says: /one class|two classes/,
  },
  {
    name: 'a mini-batch larger than the training set',
    spoil: () => {},
    api: (workspace) => trainSmall(workspace, { batchSize: 25 }),
    command: (workspace) => trainCommand(workspace, '--batch-size', '25'),
    code: 'invalid-argument',
    says: /25.*24/,
  },
  {
    name: 'a learning rate below zero',
    spoil: (workspace) =>
      writeFileSync(join(workspace, 'recipe.json'), JSON.stringify({ ...smallRecipe, learningRate: -1 })),
    api: (workspace) => trainSmall(workspace, { learningRate: -1 }),
    command: (workspace) =>
      trainCommand(workspace, '--recipe', join(workspace, 'recipe.json')).filter((_, i) => i < 5 || i > 10),
    code: 'recipe-invalid',
    says: /learningRate is -1; expected/,
  },
  {
    name: 'a run folder that is in use by something else',
    spoil: (workspace) => trainSmall(workspace),
    api: (workspace) => trainSmall(workspace),
    command: trainCommand,
    code: 'run-exists',
    says: /run/,
  },
];
