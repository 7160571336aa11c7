import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Dataset } from '../../src/data/dataset';
import { type Interval, parseRecipe, type Recipe, type TrainOptions, train } from '../../src/index';
import type { Log } from '../../src/log';
import { type InputTransform, Network, readCheckpoint } from '../../src/network';
import { BatchStream } from '../../src/training/batches';
import { crossEntropy } from '../../src/training/validation';
import { plantedDataset, smallNetwork } from './planted-dataset';

let folder: string;
let training: Dataset;
let validation: Dataset;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'deepyeast-train-'));
  training = await plantedDataset(join(folder, 'training'), { cells: 65 });
  validation = await plantedDataset(join(folder, 'validation'), { cells: 31, seed: 2 });
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** 65 cells in tens: an epoch ends within a mini-batch. */
const recipe = parseRecipe({ batchSize: 10, epochs: 4, learningRate: 0.01 }, 'recipe');

let runs = 0;
const newRun = () => join(folder, `run${++runs}`);
const create = (options: object = {}) => Network.create({ classes: training.classes, ...smallNetwork, ...options });

async function collect(intervals: AsyncIterable<Interval>): Promise<Interval[]> {
  const all: Interval[] = [];
  for await (const interval of intervals) all.push(interval);
  return all;
}

it('awaited, it trains to the end and gives all intervals', async () => {
  await using looped = await create();
  await using awaited = await create();
  const options = { training, recipe: { ...recipe, epochs: 2 } };
  const all = await collect(train(looped, options));
  expect(all).toHaveLength(2);
  const run = train(awaited, options);
  const found = await run;
  expect(found.map(({ iteration, loss }) => ({ iteration, loss }))).toEqual(
    all.map(({ iteration, loss }) => ({ iteration, loss })),
  );
  expect(await run).toBe(found);
  await expect(train(awaited, { ...options, recipe: { ...recipe, batchSize: 0 } as never })).rejects.toThrow();
});

it('a second training is refused, also where the first one’s lock was deleted', async () => {
  const run = newRun();
  await using first = await create();
  await using second = await create();
  const intervals = train(first, { training, recipe, run });
  await intervals.next();
  rmSync(join(run, 'lock'));
  await expect(collect(train(second, { training, recipe, run, resume: true }))).rejects.toMatchObject({
    code: 'run-locked',
  });
  await intervals.return();
  expect(await collect(train(second, { training, recipe, run, resume: true }))).toHaveLength(3);
});

/** Trains a new network to its end. */
async function trained(options: Partial<TrainOptions> = {}, network: object = {}): Promise<Interval[]> {
  await using made = await create(network);
  return await collect(train(made, { training, recipe, ...options }));
}

async function parametersOf(network: Network): Promise<Record<string, Float32Array>> {
  const entries = network.native.tensors.map(
    async ({ name }) => [name, await network.native.tensor(name)] as [string, Float32Array],
  );
  return Object.fromEntries(await Promise.all(entries));
}

const bytesOf = (run: string) => ['last', 'best'].map((name) => readFileSync(join(run, `${name}.safetensors`)));
const logOf = (run: string): Record<string, unknown>[] =>
  readFileSync(join(run, 'log.jsonl'), 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
const withoutRate = ({ images_per_second: _, ...row }: Record<string, unknown>) => row;

function expectSameRuns(one: string, other: string): void {
  bytesOf(one).forEach((bytes, i) => {
    expect(bytes.equals(bytesOf(other)[i] as Buffer), ['last', 'best'][i]).toBe(true);
  });
  expect(logOf(one).map(withoutRate)).toEqual(logOf(other).map(withoutRate));
}

describe('train', () => {
  it('learns, and reports every epoch', async () => {
    const intervals = await trained({ validation, recipe: { ...recipe, epochs: 8 } });
    expect(intervals.map(({ iteration }) => iteration)).toEqual([7, 13, 20, 26, 33, 39, 46, 52]);
    const last = intervals.at(-1) as Interval;
    expect(last.epoch).toBe(8);
    expect(last.validation?.accuracy).toBeGreaterThan(0.95);
    expect(last.loss).toBeLessThan((intervals[0] as Interval).loss);
    expect(last.learningRate).toBe(0.01);
    expect(last.imagesPerSecond).toBeGreaterThan(0);
  });

  it('takes the steps of the native core over the stream of epochs, and sums their losses', async () => {
    const schedule = { kind: 'step', halveEveryEpochs: 1 } as const;
    await using network = await create();
    const [first, second] = await collect(train(network, { training, recipe: { ...recipe, epochs: 2, schedule } }));

    await using other = await create();
    const images = other.imageStore(training);
    const mean = Float32Array.from(await images.mean());
    await other.setInputTransform({ ...(network.inputTransform as InputTransform), mean });
    const rows = Uint32Array.from({ length: 65 }, (_, i) => i);
    const batches = new BatchStream(smallNetwork.seed, rows, training.labels, 10);
    const { losses, correct } = await other.native.trainSteps({
      images,
      ...batches.take(0, 13),
      batchSize: 10,
      iteration: 0,
      learningRates: Float64Array.from({ length: 13 }, (_, i) => (i < 7 ? 0.01 : 0.005)),
      optimizer: { momentum: 0.9, weightDecay: 0.0005, caffeMomentum: true, augment: false },
    });
    expect(await parametersOf(network)).toEqual(await parametersOf(other));
    const sum = (values: Float64Array | Int32Array) => [...values].reduce((total, value) => total + value, 0);
    expect(first?.loss).toBe(sum(losses.subarray(0, 7)) / 7);
    expect(second?.loss).toBe(sum(losses.subarray(7)) / 6);
    expect(first?.accuracy).toBe(sum(correct.subarray(0, 7)) / 70);
    expect(second?.learningRate).toBe(0.005);
    expect(network.inputTransform?.mean).toEqual(mean);
  });

  it('hands the whole recipe to the optimizer', async () => {
    const changes: Partial<Recipe>[] = [
      {},
      { momentumForm: 'pytorch', schedule: { kind: 'step', halveEveryEpochs: 1 } },
      { schedule: { kind: 'step', halveEveryEpochs: 1 } },
      { augmentation: 'flips-and-turns' },
      { perturbations: { zoom: [0.8, 1.2] } },
      { perturbations: { shift: 2 } },
      { perturbations: { gain: [0.5, 1] } },
      { perturbations: { offset: [-20, 20] } },
      { perturbations: { gamma: [0.5, 2] } },
      { perturbations: { blur: [0, 2] } },
      { perturbations: { lightGradient: [0, 0.5] } },
      { perturbations: { whiteNoise: [0, 20] } },
      { perturbations: { correlatedNoise: [0, 20] } },
      { perturbations: { correlatedNoise: [0, 20], noiseLength: [1, 1] } },
      { perturbations: { mixup: 0.5 } },
      { weightDecay: 0.1 },
      { momentum: 0.5 },
      { batchSize: 13 },
    ];
    const losses = new Set<number>();
    for (const change of changes)
      losses.add(((await trained({ recipe: { ...recipe, ...change } })).at(-1) as Interval).loss);
    expect(losses.size).toBe(changes.length);
  });

  it('validates in inference mode, the loss in double from the logits', async () => {
    await using network = await create();
    const last = (await collect(train(network, { training, validation, recipe }))).at(-1) as Interval;
    const { logits, posteriors } = await network.predict(validation);
    let loss = 0;
    let correct = 0;
    validation.labels.forEach((label, cell) => {
      loss += crossEntropy(logits, 3 * cell, 3, label) / 31;
      const row = [...posteriors.subarray(3 * cell, 3 * cell + 3)];
      if (row.indexOf(Math.max(...row)) === label) correct++;
      expect(crossEntropy(logits, 3 * cell, 3, label)).toBeCloseTo(-Math.log(row[label] as number), 4);
    });
    expect(last.validation?.loss).toBeCloseTo(loss, 12);
    expect(last.validation?.accuracy).toBe(correct / 31);
  });

  it('is the same for any number of threads, and another for another seed', async () => {
    const one = newRun();
    const two = newRun();
    const five = newRun();
    await trained({ validation, run: one }, { threads: 1 });
    await trained({ validation, run: two }, { threads: 2 });
    await trained({ validation, run: five }, { threads: 5 });
    expectSameRuns(one, two);
    expectSameRuns(one, five);
    const other = await trained({}, { seed: 4 });
    expect(other.at(-1)?.loss).not.toBe((await trained()).at(-1)?.loss);
  });

  it('keeps the best model by validation loss, without a validation set by training loss', async () => {
    for (const withValidation of [true, false]) {
      const run = newRun();
      // A rate at which the loss goes up as well as down.
      const intervals = await trained({
        ...(withValidation && { validation }),
        recipe: { ...recipe, epochs: 12, learningRate: 0.2 },
        run,
      });
      const criterion = intervals.map((interval) => interval.validation?.loss ?? interval.loss);
      const lowest = criterion.indexOf(Math.min(...criterion));
      expect(lowest).toBeLessThan(criterion.length - 1);
      const best = await readCheckpoint(run);
      expect(best.iteration).toBe((intervals[lowest] as Interval).iteration);
      const { loss, accuracy, validation: validated } = intervals[lowest] as Interval;
      expect(best.metrics).toEqual({ loss, accuracy, ...(validated && { validation: validated }) });
      intervals.forEach(({ best: isBest }, i) => {
        expect(isBest).toBe(criterion.slice(0, i).every((earlier) => (criterion[i] as number) < earlier));
      });
    }
  });

  it('fills the run folder', async () => {
    const run = newRun();
    const intervals = await trained({ validation, run });
    expect(readdirSync(run).sort()).toEqual([
      'best.safetensors',
      'last.safetensors',
      'lock',
      'log.jsonl',
      'recipe.json',
    ]);
    expect(logOf(run)).toEqual(
      intervals.map((interval) => ({
        iteration: interval.iteration,
        epoch: interval.epoch,
        loss: interval.loss,
        accuracy: interval.accuracy,
        validation_loss: interval.validation?.loss,
        validation_accuracy: interval.validation?.accuracy,
        best: interval.best,
        learning_rate: interval.learningRate,
        images_per_second: interval.imagesPerSecond,
      })),
    );
    const description = JSON.parse(readFileSync(join(run, 'recipe.json'), 'utf8'));
    expect(description).toMatchObject({ recipe, seed: 3, classes: training.classes, training: { cells: 65 } });
    const last = await readCheckpoint(join(run, 'last.safetensors'), { momentum: true });
    expect(last).toMatchObject({ iteration: 26, recipe, classes: training.classes });
    await using loaded = await Network.load(run);
    expect((await loaded.predict(validation)).count).toBe(31);
  });

  it('reports and saves as often as asked', async () => {
    const run = newRun();
    const saved: (number | undefined)[] = [];
    await using network = await create();
    const options = { training, recipe, run, reportEvery: 4, checkpointEvery: { iterations: 10 } };
    for await (const { iteration } of train(network, options)) {
      saved.push(iteration, (await readCheckpoint(join(run, 'last.safetensors'))).iteration);
    }
    expect(saved).toEqual([4, 0, 8, 0, 12, 10, 16, 10, 20, 20, 24, 20, 26, 26]);
    const byDefault: boolean[] = [];
    const plain = newRun();
    await using third = await create();
    for await (const { iteration } of train(third, { training, recipe, run: plain })) {
      byDefault.push((await readCheckpoint(join(plain, 'last.safetensors'))).iteration === iteration);
    }
    expect(byDefault).toEqual([true, true, true, true]);
    const timed: (number | undefined)[] = [];
    const second = newRun();
    await using other = await create();
    const everyTime = { training, recipe, run: second, reportEvery: 4, checkpointEvery: { seconds: 1e-9 } };
    for await (const _ of train(other, everyTime)) {
      timed.push((await readCheckpoint(join(second, 'last.safetensors'))).iteration);
    }
    expect(timed).toEqual([4, 8, 12, 16, 20, 24, 26]);
    expectSameRuns(run, second);
  });

  it('says how far it is', async () => {
    const progress: [number, number][] = [];
    await trained({ onProgress: (iteration, total) => progress.push([iteration, total]) });
    expect(progress[0]).toEqual([0, 26]);
    expect(progress.at(-1)).toEqual([26, 26]);
    expect(progress.map(([iteration]) => iteration)).toEqual(
      progress.map(([iteration]) => iteration).sort((a, b) => a - b),
    );
  });

  it('logs the recipe in words', async () => {
    const messages: string[] = [];
    const log: Log = (_, message) => messages.push(message);
    await trained({ log });
    expect(messages.join('\n')).toMatch(
      /4 epochs = 26 iterations of 10 cells.*\n.*halved every 25 epochs = 163 iterations/,
    );
  });

  it('tells once what the device noted', async () => {
    const messages: string[] = [];
    const log: Log = (level, message) => level === 'warn' && messages.push(message);
    await using network = await create();
    const notes = ['', 'an engine cannot be used\n', 'an engine cannot be used\na shape is slow\n'];
    Object.defineProperty(network.native, 'notes', { value: async () => notes.shift() ?? 'a shape is slow\n' });
    await collect(train(network, { training, recipe, log }));
    expect(messages).toEqual(['an engine cannot be used', 'a shape is slow']);
  });

  it('matches classes by name and leaves out unlabelled cells', async () => {
    const label = (index: number) => (index < 5 ? -1 : index % 3);
    const some = await plantedDataset(join(folder, 'some'), { cells: 70, label });
    const messages: string[] = [];
    await using network = await Network.create({ ...smallNetwork, classes: ['er', 'golgi', 'nucleus', 'vacuole'] });
    const log: Log = (level, message) => messages.push(`${level}: ${message}`);
    const intervals = await collect(
      train(network, { training: some, validation, recipe: { ...recipe, epochs: 8 }, log }),
    );
    expect(intervals.at(-1)?.iteration).toBe(52);
    expect(intervals.at(-1)?.validation?.accuracy).toBeGreaterThan(0.95);
    expect(messages.join('\n')).toMatch(/warn: 5 of the 70 cells of .*some have no label: left out/);
    const { posteriors } = await network.predict(await some.readImages(Uint32Array.of(6)));
    expect(posteriors.indexOf(Math.max(...posteriors))).toBe(2);
    const labelled = Uint32Array.from({ length: 65 }, (_, i) => i + 5);
    expect(network.inputTransform?.mean).toEqual(Float32Array.from(await network.imageStore(some).mean(labelled)));
  });

  it('goes on from a loaded model, whose input transform stays', async () => {
    const run = newRun();
    await trained({ validation, run });
    await using network = await Network.load(join(run, 'last.safetensors'));
    const { mean } = network.inputTransform as { mean: Float32Array };
    const [first] = await collect(train(network, { training: validation, recipe: { ...recipe, epochs: 1 } }));
    expect(first?.loss).toBeLessThan(0.5);
    expect(network.inputTransform?.mean).toEqual(mean);
  });
});

/** Runs until the interval number `count`, then leaves the loop. */
async function leaveAfter(count: number, options: Partial<TrainOptions>): Promise<void> {
  await using network = await create();
  let seen = 0;
  for await (const _ of train(network, { training, validation, recipe, ...options })) if (++seen === count) break;
}

describe('a run that is resumed', () => {
  let whole: string;
  beforeAll(async () => {
    whole = newRun();
    await trained({ validation, run: whole });
  });

  it.each([1, 2, 3])('after leaving the loop at report %i ends bit-identical', async (count) => {
    const run = newRun();
    await leaveAfter(count, { run, checkpointEvery: { iterations: 1000 } });
    const intervals = await trained({ validation, run, resume: true });
    expect(intervals).toHaveLength(4 - count);
    expectSameRuns(run, whole);
  });

  it.each([0, 1, 6, 7, 8, 13, 25])('after an abort at iteration %i ends bit-identical', async (at) => {
    const run = newRun();
    const controller = new AbortController();
    const aborted = trained({
      ...{ validation, run, signal: controller.signal, checkpointEvery: { iterations: 1 } },
      onProgress: (iteration) => {
        if (iteration >= at) controller.abort();
      },
    });
    await expect(aborted).rejects.toMatchObject({ code: 'aborted' });
    const { iteration } = await readCheckpoint(join(run, 'last.safetensors'));
    expect(iteration).toBe(at);
    await trained({ validation, run, resume: true });
    expectSameRuns(run, whole);
  });

  it('takes the interval of reports of the run where none is given', async () => {
    const run = newRun();
    await leaveAfter(1, { run, reportEvery: 5 });
    const intervals = await trained({ validation, run, resume: true });
    expect(intervals.map(({ iteration }) => iteration)).toEqual([10, 15, 20, 25, 26]);
  });

  it('takes the recipe of the run where none is given', async () => {
    const run = newRun();
    await leaveAfter(2, { run });
    await using network = await create();
    expect(await collect(train(network, { training, validation, run, resume: true }))).toHaveLength(2);
    expectSameRuns(run, whole);
  });

  it('and was complete reports nothing and changes nothing', async () => {
    const before = bytesOf(whole);
    expect(await trained({ validation, run: whole, resume: true })).toEqual([]);
    expect(bytesOf(whole)).toEqual(before);
  });

  it('but had not begun begins', async () => {
    const run = newRun();
    await trained({ validation, run, resume: true });
    expectSameRuns(run, whole);
  });

  it('cuts the log and drops a torn line', async () => {
    const run = newRun();
    await leaveAfter(2, { run });
    const log = join(run, 'log.jsonl');
    writeFileSync(log, `${readFileSync(log, 'utf8')}{"iteration":20,"loss":0.5}\n{"iteration":26,"lo`);
    await trained({ validation, run, resume: true });
    expectSameRuns(run, whole);
  });

  it('removes temporary files of a killed process and no others', async () => {
    const run = newRun();
    await leaveAfter(1, { run });
    const left = ['last.safetensors.tmp-12-native-3', 'recipe.json.tmp-12-0a1b2c3d', 'best.safetensors.tmp-1-native-0'];
    for (const name of [...left, 'notes.txt']) writeFileSync(join(run, name), 'x');
    await trained({ validation, run, resume: true });
    expect(readdirSync(run).filter((name) => left.includes(name))).toEqual([]);
    expect(existsSync(join(run, 'notes.txt'))).toBe(true);
    expectSameRuns(run, whole);
  });

  it.each<[string, () => Promise<Partial<TrainOptions>>, object, RegExp]>([
    [
      'another learning rate',
      async () => ({ recipe: { ...recipe, learningRate: 0.02 } }),
      {},
      /recipe\.learningRate is 0\.02, in the run 0\.01/,
    ],
    ['another length', async () => ({ recipe: { ...recipe, epochs: 5 } }), {}, /recipe\.epochs is 5, in the run 4/],
    ['another seed', async () => ({}), { seed: 4 }, /seed is 4, in the run 3/],
    ['another topology', async () => ({}), { dense: [17] }, /topology\.dense is \[17\], in the run \[16\]/],
    ['other reports', async () => ({ reportEvery: 5 }), {}, /reportEvery is 5, in the run null/],
    ['no validation set', async () => ({ validation: undefined as never }), {}, /validation is null, in the run \{/],
    [
      'another training set',
      async () => ({ training: await plantedDataset(join(folder, 'other'), { cells: 66, seed: 9 }) }),
      {},
      /training\.cells is 66, in the run 65; training\.fingerprint is/,
    ],
    [
      'other pixels',
      async () => ({ training: await plantedDataset(join(folder, 'pixels'), { cells: 65, seed: 9 }) }),
      {},
      /go on: training\.fingerprint is "[0-9a-f]+(\.\.\.)?"?, in the run/,
    ],
  ])('with %s is refused, saying so', async (_, change, network, message) => {
    const run = newRun();
    await leaveAfter(1, { run });
    const before = bytesOf(run);
    const options = { validation, run, resume: true, ...(await change()) };
    if (options.validation === undefined) delete (options as Partial<TrainOptions>).validation;
    const resumed = trained(options, network);
    await expect(resumed).rejects.toThrow(message);
    await expect(resumed).rejects.toMatchObject({ code: 'run-mismatch' });
    expect(bytesOf(run)).toEqual(before);
  });

  it('with its folder moved elsewhere goes on', async () => {
    const run = newRun();
    await leaveAfter(1, { run });
    const moved = newRun();
    mkdirSync(moved);
    for (const name of readdirSync(run)) writeFileSync(join(moved, name), readFileSync(join(run, name)));
    await trained({ validation, run: moved, resume: true });
    expectSameRuns(moved, whole);
  });

  it('with files that are not of a run is refused', async () => {
    const run = newRun();
    await leaveAfter(1, { run });
    rmSync(join(run, 'recipe.json'));
    await expect(trained({ validation, run, resume: true })).rejects.toMatchObject({ code: 'run-invalid' });
    writeFileSync(join(run, 'recipe.json'), '{}');
    await expect(trained({ validation, run, resume: true })).rejects.toMatchObject({ code: 'run-invalid' });

    const third = newRun();
    await leaveAfter(1, { run: third });
    rmSync(join(third, 'best.safetensors'));
    await expect(trained({ validation, run: third, resume: true })).rejects.toThrow(
      /model of iteration 7, the best so far/,
    );

    const second = newRun();
    await leaveAfter(1, { run: second });
    writeFileSync(join(second, 'last.safetensors'), readFileSync(join(second, 'best.safetensors')));
    await expect(trained({ validation, run: second, resume: true })).rejects.toMatchObject({ code: 'model-invalid' });
  });
});

describe('what cannot be trained', () => {
  async function expectRefusal(options: Partial<TrainOptions>, code: string, message: RegExp, network: object = {}) {
    const run = newRun();
    const result = trained({ run, ...options }, network);
    await expect(result).rejects.toThrow(message);
    await expect(result).rejects.toMatchObject({ code });
    expect(existsSync(run)).toBe(false);
  }

  it('a mini-batch larger than the training set', () =>
    expectRefusal({ recipe: { ...recipe, batchSize: 66 } }, 'invalid-argument', /batch size is 66.*65 labelled cells/));

  it('a training set of one class', async () => {
    const one = await plantedDataset(join(folder, 'one'), { cells: 12, label: () => 1 });
    await expectRefusal(
      { training: one },
      'dataset-invalid',
      /all 12 labelled cells .* of one class, vacuole; .*two classes/,
    );
    // It serves as a validation set.
    expect((await trained({ validation: one })).at(-1)?.validation?.loss).toBeGreaterThan(0);
  });

  it('no labelled cells', async () => {
    const none = await plantedDataset(join(folder, 'none'), { cells: 12, label: () => -1 });
    await expectRefusal({ training: none }, 'dataset-invalid', /none of the 12 cells .* has a label/);
    await expectRefusal({ validation: none }, 'dataset-invalid', /none of the 12 cells/);
  });

  it('a class that the network does not know', () =>
    expectRefusal(
      {},
      'class-unknown',
      /does not know: vacuole \(22 cells\), er \(21 cells\); expected nucleus, golgi/,
      {
        classes: ['nucleus', 'golgi'],
      },
    ));

  it('a network of three channels on data of two', () =>
    expectRefusal({}, 'model-mismatch', /65, 16, 16, 2\]; the network expects .*3 channels/, { channels: 3 }));

  it('a network of another image size', () =>
    expectRefusal({}, 'model-mismatch', /expects images of 32x32 pixels/, { size: 32 }));

  it('images made by different rules', async () => {
    const path = join(folder, 'rule');
    const other = await plantedDataset(path, { cells: 12 });
    const description = JSON.parse(readFileSync(join(path, 'dataset.json'), 'utf8'));
    writeFileSync(
      join(path, 'dataset.json'),
      JSON.stringify({ ...description, normalization: { rule: 'bit-depth', bits: 12 } }),
    );
    const changed = await (other.constructor as typeof Dataset).open(path);
    await expectRefusal(
      { validation: changed },
      'rule-mismatch',
      /rule "bit depth 12", those of the training set .* by "none/,
    );
    expect(await trained({ validation: changed, allowRuleMismatch: true })).toHaveLength(4);
    await using network = await create();
    await collect(train(network, { training, recipe: { ...recipe, epochs: 1 } }));
    const byAnotherRule = train(network, { training: changed, recipe });
    await expect(byAnotherRule.next()).rejects.toThrow(/rule "bit depth 12", those of the model by "none/);
  });

  it.each<[string, Partial<TrainOptions>, RegExp]>([
    ['a recipe of wrong types', { recipe: { ...recipe, momentum: 'high' as never } }, /momentum is "high"/],
    ['reports every half iteration', { reportEvery: 0.5 }, /reportEvery is 0\.5/],
    ['checkpoints every 0 iterations', { checkpointEvery: { iterations: 0 } }, /checkpointEvery\.iterations is 0/],
    ['checkpoints every NaN seconds', { checkpointEvery: { seconds: Number.NaN } }, /checkpointEvery\.seconds is NaN/],
  ])('%s', async (_, options, message) => {
    const code = options.recipe ? 'recipe-invalid' : 'invalid-argument';
    await expectRefusal(options, code, message);
  });

  it('a folder that holds a run, without resume', async () => {
    const run = newRun();
    await trained({ run });
    const before = bytesOf(run);
    await expect(trained({ run })).rejects.toThrow(/already holds a run \(recipe\.json, log\.jsonl/);
    await expect(trained({ run })).rejects.toMatchObject({ code: 'run-exists' });
    expect(bytesOf(run)).toEqual(before);
  });

  it('a path that is a file', async () => {
    const path = join(folder, 'file');
    writeFileSync(path, 'x');
    await expect(trained({ run: path })).rejects.toMatchObject({ code: 'io-error' });
    expect(readFileSync(path, 'utf8')).toBe('x');
  });

  it('a network that is being trained', async () => {
    await using network = await create();
    for await (const _ of train(network, { training, recipe })) {
      await expect(train(network, { training, recipe }).next()).rejects.toThrow(/is being trained/);
      break;
    }
    // After leaving the loop it is free.
    expect(await collect(train(network, { training, recipe }))).toHaveLength(4);
  });
});

describe('a training that fails', () => {
  it('stops at a loss that is not finite, and keeps the last good checkpoint', async () => {
    const run = newRun();
    const schedule = { kind: 'constant' } as const;
    await using network = await create();
    const divergent = train(network, {
      ...{ training, validation, run },
      recipe: { ...recipe, schedule, learningRate: 1e18 },
    });
    const result = collect(divergent);
    await expect(result).rejects.toThrow(/diverged at iteration \d+ with learning rate 1000000000000000000: /);
    await expect(result).rejects.toThrow(/lower learning rate; .*last\.safetensors holds the last good state/);
    await expect(result).rejects.toMatchObject({ code: 'loss-diverged' });
    // Readable, hence finite.
    const { iteration } = await readCheckpoint(join(run, 'last.safetensors'), { momentum: true });
    expect(iteration).toBe(0);
    await using again = await Network.load(join(run, 'last.safetensors'));
    expect(await collect(train(again, { training, recipe, run: newRun() }))).toHaveLength(4);
  });

  it('never replaces a checkpoint by one of overflown weights, though the loss before them was finite', async () => {
    const run = newRun();
    const divergent = trained({
      ...{ validation, run, checkpointEvery: { iterations: 1 } },
      recipe: { ...recipe, learningRate: 1e300 },
    });
    await expect(divergent).rejects.toThrow(
      /diverged at iteration 1 with learning rate 1e\+300: .* holds (NaN|-?Infinity)/,
    );
    await expect(divergent).rejects.toMatchObject({ code: 'loss-diverged' });
    expect((await readCheckpoint(join(run, 'last.safetensors'), { momentum: true })).iteration).toBe(0);
    expect(existsSync(join(run, 'best.safetensors'))).toBe(false);
  });

  it('gives the folder free however it ends', async () => {
    const run = newRun();
    const messages: string[] = [];
    const log: Log = (_, message) => messages.push(message);
    await using network = await create();
    await expect(
      (async () => {
        for await (const _ of train(network, { training, validation, recipe, run, log })) {
          await using second = await create();
          const concurrent = train(second, { training, validation, recipe, run, resume: true }).next();
          await expect(concurrent).rejects.toMatchObject({ code: 'run-locked' });
          throw new Error('of the caller');
        }
      })(),
    ).rejects.toThrow('of the caller');
    expect(messages.at(-1)).toMatch(/stopped at iteration 7 of 26/);
    expect(await trained({ validation, run, resume: true })).toHaveLength(3);
  });

  it('does nothing once the signal has fired', async () => {
    const run = newRun();
    const result = trained({ run, signal: AbortSignal.abort(new Error('enough')) });
    await expect(result).rejects.toMatchObject({ code: 'aborted', message: 'enough' });
    expect(existsSync(run)).toBe(false);
  });

  it('leaves a run folder that can go on when the network is closed', async () => {
    const run = newRun();
    const network = await create();
    await expect(
      (async () => {
        for await (const _ of train(network, { training, validation, recipe, run })) void network.close();
      })(),
    ).rejects.toMatchObject({ code: 'closed' });
    expect(await trained({ validation, run, resume: true })).toHaveLength(3);
  });
});
