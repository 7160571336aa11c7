// Trains with the compiled library until its end, or until it is killed: node train-child.cjs FOLDER RUN [resume].
// FOLDER holds training/, validation/ and options.json: {"network": {...}, "recipe": {...}}.
const { readFileSync } = require('node:fs');
const { join } = require('node:path');
const { Dataset } = require('../../dist/data/dataset');
const { Network } = require('../../dist/network');
const { train } = require('../../dist/training');

async function main() {
  const [folder, run, resume] = process.argv.slice(2);
  const { network: options, recipe } = JSON.parse(readFileSync(join(folder, 'options.json'), 'utf8'));
  const training = await Dataset.open(join(folder, 'training'));
  const validation = await Dataset.open(join(folder, 'validation'));
  const network = await Network.create({ classes: training.classes, ...options });
  for await (const _ of train(network, { training, validation, recipe, run, resume: resume === 'resume' }));
  await network.close();
}

void main();
