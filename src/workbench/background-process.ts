/** The other side of background-tasks.ts: one piece of work in a process of its own. */
import { join } from 'node:path';
import { Dataset } from '../data/dataset';
import { tsne } from '../features/tsne';
import { umap } from '../features/umap';
import { writeFloats } from '../files/float32-npy';
import { serveParent } from '../files/separate-process';
import { Network } from '../network/network';
import { argmax } from '../prediction/call';
import { permutation } from '../random';
import { analysisDraw } from '../random-draws';
import { fineTune } from '../transfer/fine-tuning';
import {
  type BackgroundAnswer,
  type BackgroundRequest,
  backgroundFiles,
  type Candidates,
  type TrainingCells,
} from './background-tasks';
import { heldOutScores, loadClassifier, type Trained, trainClassifier } from './classifier';
import { componentsOfAll, predictAll } from './components';
import { FloatRows } from './float-rows';
import { accuracyByGroup, groupedFolds } from './grouped-folds';
import { chooseQueue } from './queue';

type Request<Do extends BackgroundRequest['do']> = Extract<BackgroundRequest, { do: Do }>;

/** Cells in a queue, and answered cells that it keeps away from. */
const queueLength = 60;
const answeredSample = 400;

async function* work(request: BackgroundRequest): AsyncGenerator<BackgroundAnswer> {
  if (request.do === 'predict') yield* predictAll(request);
  else if (request.do === 'components') yield* componentsOfAll(request);
  else if (request.do === 'train') yield* train(request);
  else if (request.do === 'fine-tune') yield* tune(request);
  else if (request.do === 'queue') {
    yield await withComponents(request.folder, (rows) => queueOf(rows, request, undefined, []));
  } else if (request.do === 'use') yield* use(request);
  else if (request.do === 'use-network') {
    const model = join(request.folder, backgroundFiles.network);
    yield* predictAll({ ...request, model, key: '', allowRuleMismatch: true, file: backgroundFiles.used });
  } else if (request.do === 'neighbours')
    yield await withComponents(request.folder, (rows) => neighbours(rows, request));
  else yield* map(request);
}

async function withComponents<Result>(folder: string, use: (rows: FloatRows) => Promise<Result>): Promise<Result> {
  const rows = await FloatRows.open(join(folder, backgroundFiles.components));
  try {
    return await use(rows);
  } finally {
    await rows.close();
  }
}

async function* train(request: Request<'train'>): AsyncGenerator<BackgroundAnswer> {
  const started = performance.now();
  const { folder, kind, training, seed } = request;
  const rows = await FloatRows.open(join(folder, backgroundFiles.components));
  try {
    const values = await rows.select(training.cells);
    const features = { rows: training.cells.length, columns: rows.columns, values };
    const model = await trainClassifier(kind, features, training.labels, training.classes, seed);
    try {
      await model.save(folder);
      const scores = await heldOutScores(kind, features, training, seed);
      yield { scores: { ...scores, seconds: (performance.now() - started) / 1000 } };
      const counts = training.classes.map((_, c) => training.labels.filter((label) => label === c).length);
      yield await queueOf(rows, request, model, counts);
    } finally {
      await model.close();
    }
  } finally {
    await rows.close();
  }
}

async function queueOf(
  rows: FloatRows,
  { candidates, training }: { candidates: Candidates; training: TrainingCells },
  model: Trained | undefined,
  counts: readonly number[],
): Promise<BackgroundAnswer> {
  const { columns } = rows;
  const features = await rows.select(candidates.cells);
  const posteriors = await model?.predict({ rows: candidates.cells.length, columns, values: features });
  const step = Math.max(1, Math.ceil(training.cells.length / answeredSample));
  const answered = await rows.select(training.cells.filter((_, i) => i % step === 0));
  const input = { candidates, features, columns, classes: training.classes, posteriors, answered, counts };
  return { choices: chooseQueue(input, queueLength) };
}

/** Fine-tunes on all proteins but a fifth, on which it is scored. */
async function* tune(request: Request<'fine-tune'>): AsyncGenerator<BackgroundAnswer> {
  const started = performance.now();
  const { training, iterations, seed, device, folder } = request;
  const { cells, labels, classes, groups } = training;
  const dataset = await Dataset.open(request.dataset);
  const source = await Network.load(request.model, device);
  const parts = new Set(groups).size >= 5 ? 5 : 0;
  const fold = parts > 0 ? groupedFolds(groups, parts) : new Uint8Array(cells.length).fill(1);
  const inside = [...fold.keys()].filter((row) => fold[row] !== 0);
  const outside = [...fold.keys()].filter((row) => fold[row] === 0);
  const confusion = classes.map(() => new Array<number>(classes.length).fill(0));
  try {
    const rows = Uint32Array.from(inside, (row) => cells[row] as number);
    const own = Int32Array.from(inside, (row) => labels[row] as number);
    const tuned = await fineTune(source, dataset, rows, own, classes, { iterations, seed, device });
    try {
      await tuned.save(join(folder, backgroundFiles.network));
      let score: ReturnType<typeof accuracyByGroup> = { accuracy: null, low: null, high: null, groups: 0 };
      if (outside.length > 0) {
        const k = classes.length;
        const images = await dataset.readImages(Uint32Array.from(outside, (row) => cells[row] as number));
        const { posteriors } = await tuned.predict(images);
        const right = outside.map((row, i) => {
          const called = argmax(posteriors, i * k, k);
          const counts = confusion[labels[row] as number] as number[];
          counts[called] = (counts[called] as number) + 1;
          return called === labels[row];
        });
        score = accuracyByGroup(
          right,
          Uint32Array.from(outside, (row) => groups[row] as number),
          seed,
        );
      }
      const { groups: proteins, ...accuracy } = score;
      yield {
        scores: {
          labels: labels.length,
          ...accuracy,
          proteins,
          confusion,
          seconds: (performance.now() - started) / 1000,
        },
      };
    } finally {
      await tuned.close();
    }
  } finally {
    await source.close();
  }
}

async function* use({ folder, kind }: Request<'use'>): AsyncGenerator<BackgroundAnswer> {
  const model = await loadClassifier(kind, folder);
  const rows = await FloatRows.open(join(folder, backgroundFiles.components));
  try {
    const { columns } = rows;
    async function* batches() {
      for await (const { count, values } of rows.chunks()) yield await model.predict({ rows: count, columns, values });
    }
    await writeFloats(join(folder, backgroundFiles.used), [rows.rows, model.classes.length], batches());
    yield { classes: [...model.classes] };
  } finally {
    await rows.close();
    await model.close();
  }
}

async function neighbours(rows: FloatRows, { cell, count }: Request<'neighbours'>): Promise<BackgroundAnswer> {
  const { columns } = rows;
  const own = await rows.select([cell]);
  const length = Math.hypot(...own);
  let best: { cell: number; similarity: number }[] = [];
  for await (const { start, count: size, values } of rows.chunks()) {
    for (let i = 0; i < size; i++) {
      if (start + i === cell) continue;
      let product = 0;
      let squares = 0;
      for (let c = 0; c < columns; c++) {
        const value = values[i * columns + c] as number;
        product += value * (own[c] as number);
        squares += value * value;
      }
      const similarity = squares > 0 && length > 0 ? product / (Math.sqrt(squares) * length) : 0;
      const last = best.at(-1);
      if (best.length === count && last && similarity <= last.similarity) continue;
      best.push({ cell: start + i, similarity });
      best = best.sort((a, b) => b.similarity - a.similarity || a.cell - b.cell).slice(0, count);
    }
  }
  return { neighbours: best };
}

/** Cells that the embedding is made of; the others come to stand among the nearest of them. */
const embeddedCells = 2500;

async function* map({ folder, kind, seed }: Request<'map'>): AsyncGenerator<BackgroundAnswer> {
  const rows = await FloatRows.open(join(folder, backgroundFiles.components));
  try {
    const { columns } = rows;
    const sample = permutation(seed, 'analysis', analysisDraw('workbench', 4), rows.rows)
      .subarray(0, embeddedCells)
      .sort();
    const points = await rows.select(sample);
    const n = sample.length;
    const doubles = Float64Array.from(points);
    const positions =
      kind === 'umap' && n > 15
        ? await umap(doubles, n, columns, { seed })
        : (await tsne(doubles, n, columns, { seed, perplexity: Math.min(30, Math.max(1, Math.floor((n - 1) / 3))) }))
            .positions;
    yield { share: 0.5 };
    const places = new Float32Array(rows.rows * 2);
    for await (const { start, count, values } of rows.chunks()) {
      for (let i = 0; i < count; i++)
        places.set(placeAmong(values, i * columns, points, positions, columns), (start + i) * 2);
      yield { share: 0.5 + (0.5 * (start + count)) / rows.rows };
    }
    for (const [i, cell] of sample.entries())
      places.set([positions[2 * i] as number, positions[2 * i + 1] as number], cell * 2);
    await writeFloats(join(folder, backgroundFiles.map), [rows.rows, 2], [places]);
  } finally {
    await rows.close();
  }
}

/** Mean position of the three nearest points, by inverse squared distance. */
function placeAmong(
  values: Float32Array,
  at: number,
  points: Float32Array,
  positions: Float64Array,
  columns: number,
): [number, number] {
  const near: { point: number; square: number }[] = [];
  for (let point = 0; point * columns < points.length; point++) {
    const most = near.length === 3 ? (near[2] as { square: number }).square : Number.POSITIVE_INFINITY;
    let square = 0;
    for (let c = 0; c < columns && square < most; c++) {
      square += ((values[at + c] as number) - (points[point * columns + c] as number)) ** 2;
    }
    if (square >= most) continue;
    near.push({ point, square });
    near.sort((a, b) => a.square - b.square);
    near.length = Math.min(3, near.length);
  }
  let [x, y, sum] = [0, 0, 0];
  for (const { point, square } of near) {
    const weight = 1 / (square + 1e-12);
    x += weight * (positions[2 * point] as number);
    y += weight * (positions[2 * point + 1] as number);
    sum += weight;
  }
  return [x / sum, y / sum];
}

serveParent(work);
