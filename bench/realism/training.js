// Training on simulated cells alone, as the demonstration trains.
import { evaluate, Network, train } from '../../dist/index.mjs';

/** The demonstration's recipe for a number of mini-batches. */
export function recipeOf(iterations) {
  return {
    schedule: { kind: 'cosine', warmUpEpochs: 0.1 },
    learningRate: 0.012,
    batchSize: 16,
    iterations,
    momentum: 0.9,
    momentumForm: 'caffe',
    weightDecay: 0.0005,
    augmentation: 'flips-and-turns',
    classSampling: 'square-root',
  };
}

/**
 * Trains on a screen's training cells into the folder `run`, which keeps the model of the lowest simulated validation
 * loss; returns that model's scores on the held-out cells.
 */
export async function trainOn(screen, { recipe, seed, threads, run }) {
  const network = await Network.create({ classes: screen.train.classes, seed, dropout: 0, threads });
  for await (const { iteration, loss, validation } of train(network, {
    training: screen.train,
    validation: screen.validation,
    recipe,
    run,
    reportEvery: Math.ceil(recipe.iterations / 4),
  }))
    console.error(
      `seed ${seed}: iteration ${iteration}, loss ${loss.toFixed(3)}, validation ${validation?.loss.toFixed(3)}`,
    );
  await network.close();
  const best = await Network.load(run, { threads });
  const report = await evaluate(await best.predict(screen.test), screen.test);
  await best.close();
  return report;
}
