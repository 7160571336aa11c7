// Whether crops cut from simulated fields look to the network like the crops that `simulate` draws: trains on simulated
// crops alone, as the demonstration does, then compares its accuracy on both.
//
//   node bench/simulated-fields/parity.js [--seed 1] [--cells 33000] [--iterations 2125] [--proteins 360] [--threads 2]
//       [--model FILE] [--save FILE] [--json FILE]
//
// The pairs are as alike as they can be: for every one of the proteins, none of them in training, one field on a plate of
// its own, and as many drawn crops of good cells as the field gave, of the same protein, plate and field. The difference
// has a 95% interval by bootstrap over the proteins. `--model` takes a model that was trained before, on simulated crops,
// `--save` keeps the one that is trained.
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { drawCell } from '../../dist/data/simulate/cell.js';
import { fieldTraits, plateTraits, proteinTraits } from '../../dist/data/simulate/traits.js';
import { compartments, Network, simulate, simulateField } from '../../dist/index.mjs';
import { recipeOf, trainOn } from '../realism/training.js';
import { cutCrop, wholeCells } from './crops.js';

const { values: options } = parseArgs({
  options: {
    seed: { type: 'string', default: '1' },
    cells: { type: 'string', default: '33000' },
    iterations: { type: 'string', default: '2125' },
    proteins: { type: 'string', default: '360' },
    size: { type: 'string', default: '320' },
    threads: { type: 'string', default: '2' },
    model: { type: 'string' },
    save: { type: 'string' },
    json: { type: 'string' },
  },
});
const seed = Number(options.seed);
const threads = Number(options.threads);
const bytesPerCrop = 2 * 64 * 64;

/** The fields and the drawn crops are of a seed that training never saw. */
const heldOut = seed + 1_000_000;

/** A field and as many drawn crops: bytes of both. */
function drawPair(index) {
  const compartment = compartments[index % compartments.length];
  const field = simulateField({
    seed: heldOut,
    field: index,
    plate: index,
    protein: index,
    compartment,
    size: Number(options.size),
    otherPlane: 0.03,
  });
  const cells = wholeCells(field);
  const cut = new Uint8Array(cells.length * bytesPerCrop);
  const drawn = new Uint8Array(cells.length * bytesPerCrop);
  for (const [i, cell] of cells.entries()) {
    cut.set(cutCrop(field, cell), i * bytesPerCrop);
    const { image } = drawCell({
      seed: heldOut,
      index: index * 1000 + i,
      compartment,
      protein: proteinTraits(heldOut, index),
      plate: plateTraits(heldOut, index),
      field: fieldTraits(heldOut, index),
      difficulty: 'paper',
      nonCells: 0,
      classes: compartments,
      appearance: 'crop',
    });
    drawn.set(image, i * bytesPerCrop);
  }
  return { compartment, cells: cells.length, cut, drawn };
}

/** How many crops the network calls by the protein's compartment. */
async function countRight(network, crops, compartment) {
  if (crops.length === 0) return 0;
  const { posteriors } = await network.predict(crops);
  const width = network.classes.length;
  let right = 0;
  for (let at = 0; at < posteriors.length; at += width) {
    const row = posteriors.subarray(at, at + width);
    if (network.classes[row.indexOf(Math.max(...row))] === compartment) right++;
  }
  return right;
}

/** Accuracy of drawn and of cut crops over some pairs, and by how many points the second is lower. */
function accuracies(pairs) {
  let [cells, drawn, cut] = [0, 0, 0];
  for (const pair of pairs) {
    cells += pair.cells;
    drawn += pair.drawnRight;
    cut += pair.cutRight;
  }
  return { cells, drawn: drawn / cells, cut: cut / cells, lost: (100 * (drawn - cut)) / cells };
}

/** 95% interval of the points lost, by bootstrap over the proteins. */
function interval(pairs) {
  let state = 12345;
  const random = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
  const values = Array.from(
    { length: 2000 },
    () => accuracies(pairs.map(() => pairs[Math.floor(random() * pairs.length)])).lost,
  ).sort((a, b) => a - b);
  return [values[50], values[1949]];
}

async function openModel(folder) {
  if (options.model) return { path: options.model };
  const screen = await simulate({ out: join(folder, 'screen'), cells: Number(options.cells), proteins: 900, seed });
  const run = join(folder, 'run');
  const { cells } = await trainOn(screen, { recipe: recipeOf(Number(options.iterations)), seed, threads, run });
  return { path: run, trainingCells: screen.train.count, heldOutAccuracy: cells.accuracy };
}

const folder = await mkdtemp(join(tmpdir(), 'deepyeast-parity-'));
try {
  const { path, ...trained } = await openModel(folder);
  const network = await Network.load(path, { threads });
  if (options.save) await network.save(options.save);
  const pairs = [];
  const total = Number(options.proteins);
  for (let index = 0; index < total; index++) {
    const { compartment, cells, cut, drawn } = drawPair(index);
    const drawnRight = await countRight(network, drawn, compartment);
    const cutRight = await countRight(network, cut, compartment);
    pairs.push({ compartment, cells, drawnRight, cutRight });
    if ((index + 1) % 60 === 0) console.error(`${index + 1} of ${total} proteins`);
  }
  await network.close();
  const all = accuracies(pairs);
  const [low, high] = interval(pairs);
  const points = (value) => value.toFixed(1);
  console.log(
    `${all.cells} cells of ${total} proteins: drawn crops ${points(100 * all.drawn)}% right, crops cut from fields ` +
      `${points(100 * all.cut)}%: ${points(all.lost)} points lost (95% interval ${points(low)} to ${points(high)})`,
  );
  const classes = compartments.map((name) => ({
    name,
    ...accuracies(pairs.filter(({ compartment }) => compartment === name)),
  }));
  for (const { name, cells, drawn, cut, lost } of classes)
    console.log(
      `  ${name.padEnd(18)} ${String(cells).padStart(5)}  ${points(100 * drawn).padStart(5)}%  ${points(100 * cut).padStart(5)}%  ${points(lost).padStart(5)}`,
    );
  if (options.json) {
    const { version } = JSON.parse(await readFile(new URL('../../package.json', import.meta.url), 'utf8'));
    const machine = { processor: cpus()[0]?.model ?? '', cores: cpus().length, node: process.version };
    const { proteins, iterations, size } = options;
    const settings = { seed, proteins: Number(proteins), iterations: Number(iterations), fieldSize: Number(size) };
    const result = { version, machine, settings, trained, ...all, interval: [low, high], classes };
    await writeFile(options.json, `${JSON.stringify(result, null, 1)}\n`);
  }
} finally {
  await rm(folder, { recursive: true, force: true });
}
