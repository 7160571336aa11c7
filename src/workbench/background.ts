/** The work that goes on behind the page, one training at a time, and what is known of it. */
import { readFile, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { DeepYeastError } from '../errors';
import { readFloats } from '../files/float32-npy';
import { parseJson } from '../files/parse-json';
import type { DeviceOptions } from '../network/network';
import { argmax } from '../prediction/call';
import { type BackgroundRequest, backgroundFiles, type Choice, inBackground, type Scores } from './background-tasks';
import type { CellColumns } from './cell-columns';
import type { Labels } from './labels';
import type { Event, MapState, Training, TrainingRequest, Work } from './protocol';
import { invalid } from './requests';
import { candidateCells, trainingCells } from './training-selection';
import type { FeatureOrder, Posteriors } from './views';

/** Answers after which a classifier is trained by itself. */
const answersPerTraining = 10;

export interface BackgroundOptions {
  folder: string;
  dataset: string;
  /** Path of the model; undefined: no network, nothing to learn from. */
  model: string | undefined;
  /** Names dataset and model. */
  key: string;
  device: DeviceOptions;
  allowRuleMismatch: boolean;
  emit: (event: Event) => void;
}

export class Background {
  posteriors: Posteriors | undefined;
  features: FeatureOrder | undefined;
  map: MapState = { state: 'idle', kind: null, error: null };
  readonly training: Training = {
    state: 'idle',
    kind: null,
    share: null,
    error: null,
    every: answersPerTraining,
    since: 0,
    wanting: null,
    curve: [],
    confusion: null,
  };
  readonly #options: BackgroundOptions;
  readonly #columns: CellColumns;
  readonly #labels: Labels;
  readonly #abort = new AbortController();
  readonly #running = new Set<Promise<unknown>>();
  readonly #work = new Map<Work['what'], Work>();
  #queue: Choice[] = [];
  #draw = 0;

  constructor(options: BackgroundOptions, columns: CellColumns, labels: Labels) {
    this.#options = options;
    this.#columns = columns;
    this.#labels = labels;
  }

  get work(): Work[] {
    return [...this.#work.values()];
  }

  /** Posteriors, then features, as far as earlier sessions have not left them. */
  begin(): void {
    if (this.#options.model === undefined) return;
    this.#start('predictions', async () => {
      const { folder, key } = this.#options;
      let classes = await this.#kept(backgroundFiles.posteriorsDescription, backgroundFiles.posteriors, key);
      if (!classes) classes = await this.#through({ do: 'predict', ...this.#wholeDataset() }, 'predictions');
      await this.#takePosteriors(join(folder, backgroundFiles.posteriors), classes ?? []);
      this.#start('features', async () => {
        if (!(await this.#kept(backgroundFiles.componentsDescription, backgroundFiles.components, key))) {
          await this.#through({ do: 'components', ...this.#wholeDataset() }, 'features');
        }
        const duplicates = await readFloats(join(folder, backgroundFiles.duplicates));
        const distance = await readFloats(join(folder, backgroundFiles.distance));
        this.features = { duplicates: duplicates.values, distance: distance.values };
        if (await exists(join(folder, backgroundFiles.map))) this.map = { state: 'ready', kind: null, error: null };
        this.answered(0);
      });
    });
  }

  /** Called after every change of labels. */
  answered(count: number): void {
    this.training.since += count;
    const enough = this.training.since >= answersPerTraining || (count === 0 && this.training.curve.length === 0);
    if (enough && this.training.state !== 'running' && this.features && this.#wanting() === null) {
      this.train({ kind: this.training.kind === 'forest' ? 'forest' : 'logistic' });
    }
  }

  #wanting(): string | null {
    if (!this.features)
      return this.#options.model === undefined ? 'a model was not given' : 'the features are being computed';
    const entries = this.#labels.classes().filter(({ labels }) => labels > 0);
    if (entries.length < 2) return 'two classes with cells are needed';
    return null;
  }

  state(): Training {
    return { ...this.training, wanting: this.#wanting() };
  }

  /** Starts a training. @throws invalid-argument where one runs or nothing can be learned */
  train(request: TrainingRequest): void {
    const wanting = this.#wanting();
    if (wanting !== null) throw invalid(`nothing can be trained: ${wanting}`);
    if (this.training.state === 'running') throw invalid('a training is running already; wait for its end');
    const { kind, iterations = 200 } = request;
    Object.assign(this.training, { state: 'running', kind, share: null, error: null, since: 0 });
    this.#start('training', async () => {
      try {
        const { ids, ...training } = trainingCells(this.#columns, this.#labels);
        const { folder, dataset, model = '', device } = this.#options;
        const seed = 0;
        const candidates = candidateCells(this.#columns, this.#labels, ids, this.#draw++ % 1000);
        const work: BackgroundRequest =
          kind === 'fine-tune'
            ? { do: kind, folder, dataset, model, training, iterations, seed, device }
            : { do: 'train', folder, kind, training, candidates, seed };
        for await (const answer of inBackground(work, this.#abort.signal)) {
          if ('scores' in answer) this.#takeScores(kind, answer.scores, ids);
          if ('choices' in answer) this.#queue = answer.choices;
        }
        this.training.state = 'idle';
      } catch (error) {
        Object.assign(this.training, { state: 'failed', error: messageOf(error) });
        throw error;
      } finally {
        this.#options.emit({ event: 'training', training: this.state() });
      }
      this.answered(0);
    });
  }

  #takeScores(kind: TrainingRequest['kind'], { confusion, ...point }: Scores, ids: number[]): void {
    this.training.curve.push({ kind, ...point });
    this.training.confusion = { classes: ids, counts: confusion };
  }

  /** Predicts every cell with what was trained last. */
  async use(): Promise<{ cells: number; calledClasses: string[] }> {
    const { kind, curve, state } = this.training;
    if (state === 'running' || curve.length === 0 || kind === null)
      throw invalid('nothing is trained yet; train first');
    const { folder, dataset, device } = this.#options;
    const request: BackgroundRequest =
      kind === 'fine-tune' ? { do: 'use-network', folder, dataset, device } : { do: 'use', folder, kind };
    await this.#start('use', async () => {
      const classes = await this.#through(request, 'use');
      await this.#takePosteriors(join(folder, backgroundFiles.used), classes ?? []);
    });
    return { cells: this.#columns.count, calledClasses: [...(this.posteriors?.classes ?? [])] };
  }

  /** Where the trained model lies. @throws invalid-argument before any */
  get modelFile(): string {
    const { kind, curve } = this.training;
    if (kind === null || curve.length === 0) throw invalid('nothing is trained yet; train first');
    const names = {
      logistic: backgroundFiles.classifier,
      forest: backgroundFiles.forest,
      'fine-tune': backgroundFiles.network,
    };
    return join(this.#options.folder, names[kind]);
  }

  makeMap(kind: 'umap' | 'tsne'): void {
    if (!this.features) throw invalid('the features are not there yet; a map is made of them');
    if (this.map.state === 'running') throw invalid('a map is being made already; wait for its end');
    this.map = { state: 'running', kind, error: null };
    this.#start('map', async () => {
      try {
        await this.#through({ do: 'map', folder: this.#options.folder, kind, seed: 0 }, 'map');
        this.map = { state: 'ready', kind, error: null };
      } catch (error) {
        this.map = { state: 'failed', kind, error: messageOf(error) };
        throw error;
      } finally {
        this.#options.emit({ event: 'map', map: this.map });
      }
    });
  }

  async neighbours(cell: number, count: number): Promise<{ cell: number; similarity: number }[] | null> {
    if (!this.features) return null;
    const work: BackgroundRequest = { do: 'neighbours', folder: this.#options.folder, cell, count };
    for await (const answer of inBackground(work, this.#abort.signal))
      if ('neighbours' in answer) return answer.neighbours;
    return null;
  }

  /** Cells to ask for, best first, without those that have been answered since. */
  async queue(count: number): Promise<Choice[]> {
    const open = () => this.#queue.filter(({ cell }) => ['none', 'dataset'].includes(this.#labels.state(cell)));
    if (open().length < count && this.features && this.training.curve.length === 0) {
      const { ids, ...training } = trainingCells(this.#columns, this.#labels);
      const candidates = candidateCells(this.#columns, this.#labels, ids, this.#draw++ % 1000);
      const work: BackgroundRequest = { do: 'queue', folder: this.#options.folder, training, candidates, seed: 0 };
      for await (const answer of inBackground(work, this.#abort.signal)) {
        if ('choices' in answer) this.#queue = answer.choices;
      }
    }
    this.#queue = open();
    if (this.#queue.length < count && this.#wanting() === null && this.training.state !== 'running') {
      this.train({ kind: this.training.kind === 'forest' ? 'forest' : 'logistic' });
    }
    return this.#queue.slice(0, count);
  }

  /** Ends all processes and waits until they are gone. */
  async close(): Promise<void> {
    this.#abort.abort();
    await Promise.allSettled(this.#running);
  }

  #wholeDataset() {
    const { dataset, model = '', folder, key, device, allowRuleMismatch } = this.#options;
    return { dataset, model, folder, key, device, allowRuleMismatch };
  }

  /** Runs work, whose failure the page is told; the promise never fails for what begins by itself. */
  #start(what: Work['what'], work: () => Promise<void>): Promise<void> {
    this.#work.set(what, { what, share: null, error: null });
    this.#tell();
    const running = work().then(
      () => {
        this.#work.delete(what);
        this.#tell();
      },
      (error) => {
        this.#work.set(what, { what, share: null, error: messageOf(error) });
        this.#tell();
        throw error;
      },
    );
    this.#running.add(running);
    running.catch(() => {}).finally(() => this.#running.delete(running));
    return running;
  }

  #tell(): void {
    this.#options.emit({ event: 'work', work: this.work });
  }

  async #through(request: BackgroundRequest, what: Work['what']): Promise<string[] | undefined> {
    let classes: string[] | undefined;
    for await (const answer of inBackground(request, this.#abort.signal)) {
      if ('classes' in answer) classes = answer.classes;
      if ('share' in answer) {
        this.#work.set(what, { what, share: answer.share, error: null });
        this.#tell();
      }
    }
    return classes;
  }

  /** The classes of what an earlier session left for the same dataset and model; what is of others is removed. */
  async #kept(description: string, file: string, key: string): Promise<string[] | undefined> {
    const { folder } = this.#options;
    try {
      const path = join(folder, description);
      const known = parseJson(await readFile(path, 'utf8'), path, 'io-error') as { key?: string; classes?: string[] };
      if (known.key === key && (await exists(join(folder, file)))) return known.classes;
    } catch {
      // Not there, or not ours: made anew.
    }
    if (file === backgroundFiles.components) await rm(join(folder, backgroundFiles.map), { force: true });
    return undefined;
  }

  async #takePosteriors(path: string, classes: string[]): Promise<void> {
    const { values } = await readFloats(path);
    const k = classes.length;
    const { count } = this.#columns;
    if (values.length !== count * k)
      throw new DeepYeastError('dataset-invalid', `${path} is not of these cells; remove it`);
    const called = new Uint16Array(count);
    for (let cell = 0; cell < count; cell++) called[cell] = argmax(values, cell * k, k);
    this.posteriors = { classes, values, called };
    this.#options.emit({ event: 'predictions' });
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
