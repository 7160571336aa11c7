/**
 * Features of all cells as the workbench holds them on disk: the network's first dense layer, reduced to principal
 * components that a sample of the cells defines. Sixty-four numbers a cell serve the classifier, the queue, neighbours
 * and the map, and a million cells take 256 MB of disk and no memory.
 */
import { join } from 'node:path';
import { Dataset } from '../data/dataset';
import { featuresOfCells } from '../features/layer-features';
import { principalComponents } from '../features/pca';
import { writeFileAtomically } from '../files/atomic-file';
import { readFloats, writeFloats } from '../files/float32-npy';
import { Network } from '../network/network';
import { argmax } from '../prediction/call';
import { requireModelRule } from '../prediction/rule-match';
import { permutation, RandomStream } from '../random';
import { analysisDraw } from '../random-draws';
import { type BackgroundAnswer, backgroundFiles, type WholeDataset } from './background-tasks';
import { FloatRows } from './float-rows';

const layer = 'fc1';
const mostComponents = 64;
/** Cells that define the components. */
const sampleCells = 4000;

interface Projection {
  means: Float64Array;
  /** [components, units] */
  loadings: Float64Array;
  count: number;
}

/** Posteriors of all cells by the network. */
export async function* predictAll(request: WholeDataset & { file?: string }): AsyncGenerator<BackgroundAnswer> {
  const dataset = await Dataset.open(request.dataset);
  const network = await Network.load(request.model, request.device);
  try {
    requireModelRule(network, dataset, request);
    const path = join(request.folder, request.file ?? backgroundFiles.posteriors);
    const shape = [dataset.count, network.classes.length];
    yield* withProgress(dataset.count, (progress) =>
      writeFloats(path, shape, counted(network.predictBatches(dataset), progress)),
    );
    if (request.file === undefined)
      await describe(request.folder, backgroundFiles.posteriorsDescription, request.key, network.classes);
    yield { classes: [...network.classes] };
  } finally {
    await network.close();
  }
}

async function describe(folder: string, file: string, key: string, classes: readonly string[]): Promise<void> {
  await writeFileAtomically(join(folder, file), `${JSON.stringify({ key, classes })}\n`);
}

async function* counted(
  batches: AsyncIterable<{ start: number; count: number; posteriors: Float32Array }>,
  progress: (done: number) => void,
): AsyncGenerator<Float32Array> {
  for await (const { start, count, posteriors } of batches) {
    yield posteriors;
    progress(start + count);
  }
}

/** Runs work that says how far it is, and yields that as shares now and then. */
async function* withProgress(
  total: number,
  work: (progress: (done: number) => void) => Promise<void>,
): AsyncGenerator<BackgroundAnswer> {
  let done = 0;
  let wake = () => {};
  let ended = false;
  const running = work((now) => {
    done = now;
    wake();
  }).finally(() => {
    ended = true;
    wake();
  });
  running.catch(() => {});
  let said = 0;
  while (!ended) {
    if (done - said < total / 100) {
      await new Promise<void>((resolve) => {
        wake = resolve;
        if (ended || done - said >= total / 100) resolve();
      });
      continue;
    }
    said = done;
    yield { share: done / total };
  }
  await running;
}

/** Components of all cells, what is near in them, and how far each cell is from the mean of its called class. */
export async function* componentsOfAll(
  request: Omit<WholeDataset, 'allowRuleMismatch'>,
): AsyncGenerator<BackgroundAnswer> {
  const dataset = await Dataset.open(request.dataset);
  const network = await Network.load(request.model, request.device);
  const path = join(request.folder, backgroundFiles.components);
  try {
    const sample = permutation(0, 'analysis', analysisDraw('workbench', 1), dataset.count)
      .subarray(0, sampleCells)
      .sort();
    const features = await featuresOfCells(network, dataset, sample, { layer, allowRuleMismatch: true });
    const projection = projectionOf(features);
    yield* withProgress(dataset.count, (progress) =>
      writeFloats(path, [dataset.count, projection.count], projected(network, dataset, projection, progress)),
    );
  } finally {
    await network.close();
  }
  const components = await FloatRows.open(path);
  try {
    await writeDuplicates(request.folder, components);
    await writeDistances(request.folder, components);
  } finally {
    await components.close();
  }
  await describe(request.folder, backgroundFiles.componentsDescription, request.key, []);
}

async function* projected(
  network: Network,
  dataset: Dataset,
  projection: Projection,
  progress: (done: number) => void,
): AsyncGenerator<Float32Array> {
  for await (const { start, count, values } of network.activations(dataset, layer)) {
    yield project(values, count, projection);
    progress(start + count);
  }
}

/** The directions of the sample's principal components: features' scores back onto the features. */
function projectionOf(features: { rows: number; columns: number; values: Float32Array }): Projection {
  const { rows, columns, values } = features;
  const { scores, count } = principalComponents(features, mostComponents);
  const means = new Float64Array(columns);
  for (let i = 0; i < values.length; i++)
    means[i % columns] = (means[i % columns] as number) + (values[i] as number) / rows;
  const loadings = new Float64Array(count * columns);
  for (let component = 0; component < count; component++) {
    let squares = 0;
    for (let row = 0; row < rows; row++) {
      const score = scores[row * count + component] as number;
      squares += score * score;
      for (let column = 0; column < columns; column++) {
        const at = component * columns + column;
        const value = (values[row * columns + column] as number) - (means[column] as number);
        loadings[at] = (loadings[at] as number) + score * value;
      }
    }
    for (let column = 0; column < columns; column++) {
      const at = component * columns + column;
      loadings[at] = squares > 0 ? (loadings[at] as number) / squares : 0;
    }
  }
  return { means, loadings, count };
}

function project(values: Float32Array, rows: number, { means, loadings, count }: Projection): Float32Array {
  const columns = means.length;
  const result = new Float32Array(rows * count);
  const centred = new Float64Array(columns);
  for (let row = 0; row < rows; row++) {
    for (let c = 0; c < columns; c++) centred[c] = (values[row * columns + c] as number) - (means[c] as number);
    for (let component = 0; component < count; component++) {
      let sum = 0;
      const start = component * columns;
      for (let c = 0; c < columns; c++) sum += (centred[c] as number) * (loadings[start + c] as number);
      result[row * count + component] = sum;
    }
  }
  return result;
}

/** Rank of every cell by the signs of its products with random directions: cells that are nearly the same have the same. */
async function writeDuplicates(folder: string, components: FloatRows): Promise<void> {
  const { rows, columns } = components;
  const bits = 32;
  const stream = new RandomStream(0, 'analysis', analysisDraw('workbench', 2), 0);
  const directions = Float64Array.from({ length: bits * columns }, (_, i) => stream.normal(i));
  const codes = new Float64Array(rows);
  const places = 2 ** Math.ceil(Math.log2(Math.max(2, rows)));
  const kept = Math.min(bits, 53 - Math.log2(places));
  for await (const { start, count, values } of components.chunks()) {
    for (let i = 0; i < count; i++) {
      let code = 0;
      for (let bit = 0; bit < kept; bit++) {
        let sum = 0;
        for (let c = 0; c < columns; c++)
          sum += (values[i * columns + c] as number) * (directions[bit * columns + c] as number);
        code = code * 2 + (sum > 0 ? 1 : 0);
      }
      codes[start + i] = code * places + start + i;
    }
  }
  codes.sort();
  const ranks = new Uint32Array(rows);
  for (let rank = 0; rank < rows; rank++) ranks[(codes[rank] as number) % places] = rank;
  await writeFloats(join(folder, backgroundFiles.duplicates), [rows], [Float32Array.from(ranks)]);
}

async function writeDistances(folder: string, components: FloatRows): Promise<void> {
  const { rows, columns } = components;
  const { shape, values: posteriors } = await readFloats(join(folder, backgroundFiles.posteriors));
  const k = shape[1] as number;
  const sums = new Float64Array(k * columns);
  const counts = new Float64Array(k);
  for await (const { start, count, values } of components.chunks()) {
    for (let i = 0; i < count; i++) {
      const at = argmax(posteriors, (start + i) * k, k);
      counts[at] = (counts[at] as number) + 1;
      for (let c = 0; c < columns; c++)
        sums[at * columns + c] = (sums[at * columns + c] as number) + (values[i * columns + c] as number);
    }
  }
  const distances = new Float32Array(rows);
  for await (const { start, count, values } of components.chunks()) {
    for (let i = 0; i < count; i++) {
      const at = argmax(posteriors, (start + i) * k, k);
      let squares = 0;
      for (let c = 0; c < columns; c++) {
        squares +=
          ((values[i * columns + c] as number) - (sums[at * columns + c] as number) / (counts[at] as number)) ** 2;
      }
      distances[start + i] = Math.sqrt(squares);
    }
  }
  await writeFloats(join(folder, backgroundFiles.distance), [rows], [distances]);
}
