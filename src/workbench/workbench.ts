/** A dataset open for labelling: cells, labels, journal and what is computed behind them. Knows nothing of HTTP. */
import { basename, join, resolve } from 'node:path';
import { Dataset, datasetFiles } from '../data/dataset';
import { DeepYeastError } from '../errors';
import { fileDigest } from '../files/digest';
import type { DeviceOptions } from '../network/network';
import { Background } from './background';
import { CellColumns } from './cell-columns';
import { Journal, type JournalLine, type JournalWork } from './journal';
import { Labels } from './labels';
import { proteinRows } from './proteins-table';
import type { CellDetail, CellRow, Event, ProteinRow, Session, Written } from './protocol';
import { type Posteriors, Views } from './views';

export interface WorkbenchOptions {
  /** Where the journal and what is computed lie; default beside the dataset, its name followed by `.workbench`. */
  folder?: string;
  /** Path of a model file. Without one there are no predictions, no queue and no training. */
  model?: string;
  /** Who labels, for the journal. Default ''. */
  who?: string;
  device?: DeviceOptions;
  allowRuleMismatch?: boolean;
}

/** Cells of one answer that are named in Written.changed. */
const mostChanged = 10_000;

export class Workbench {
  readonly dataset: Dataset;
  readonly columns: CellColumns;
  readonly labels: Labels;
  readonly background: Background;
  readonly views = new Views();
  readonly folder: string;
  readonly #who: string;
  readonly #model: string | undefined;
  readonly #listeners = new Set<(event: Event) => void>();
  readonly #history = new Map<number, JournalLine[]>();
  /** Sequence numbers of the requests that were done, by client and request. */
  readonly #done: Map<string, number>;
  #journal!: Journal;
  /** Writes, one after the other. */
  #last: Promise<unknown> = Promise.resolve();
  #proteins: { of: Posteriors | undefined; rows: Promise<ProteinRow[]> } | undefined;

  private constructor(
    dataset: Dataset,
    columns: CellColumns,
    labels: Labels,
    folder: string,
    key: string,
    options: WorkbenchOptions,
  ) {
    this.dataset = dataset;
    this.columns = columns;
    this.labels = labels;
    this.folder = folder;
    this.#who = options.who ?? '';
    this.#model = options.model;
    this.#done = new Map();
    const { model, device = {}, allowRuleMismatch = false } = options;
    const emit = (event: Event) => this.#emit(event);
    this.background = new Background(
      { folder, dataset: dataset.path, model, key, device, allowRuleMismatch, emit },
      columns,
      labels,
    );
  }

  /**
   * Opens a dataset with its journal, and begins to compute what is not there.
   * @throws dataset-invalid, run-locked, table-invalid, io-error
   */
  static async open(path: string, options: WorkbenchOptions = {}): Promise<Workbench> {
    const dataset = await Dataset.open(path);
    const columns = await CellColumns.read(dataset);
    const folder = options.folder ?? `${resolve(path)}.workbench`;
    const digest = await fileDigest(join(path, datasetFiles.cells));
    const key = `${digest} ${options.model === undefined ? '' : await fileDigest(options.model)}`;
    const labels = new Labels(dataset.labels, dataset.classes);
    const workbench = new Workbench(dataset, columns, labels, folder, key, options);
    const journal = await Journal.open(folder, workbench.#who, (line) => {
      if (line.do === 'open' && line.digest !== digest) {
        throw new DeepYeastError(
          'dataset-invalid',
          `the journal in ${folder} is of other cells (${line.cells} of ${line.dataset}); open those, or name another folder`,
        );
      }
      workbench.#take(line);
    });
    workbench.#journal = journal;
    if (journal.sequence === 0) {
      const { count, classes } = dataset;
      await journal.append({ do: 'open', dataset: basename(resolve(path)), cells: count, digest, classes });
    }
    workbench.background.begin();
    return workbench;
  }

  #take(line: JournalLine): Uint32Array | null {
    const changed = this.labels.apply(line);
    if (line.request !== '') this.#done.set(`${line.client}\n${line.request}`, line.sequence);
    if (line.do === 'answers') {
      for (const { cells } of line.operations) {
        for (const cell of cells) this.#history.set(cell, [...(this.#history.get(cell) ?? []), line]);
      }
    }
    return changed;
  }

  /**
   * Writes into the journal, then changes the labels; a request that was done before is not done again.
   * @throws invalid-argument, disk-full, io-error: then nothing has changed
   */
  write(work: JournalWork, identity: { client: string; request: string }): Promise<Written> {
    const { client, request } = identity;
    const written = this.#last.then(async () => {
      const before = this.#done.get(`${client}\n${request}`);
      if (before !== undefined) return this.#written(before, true, []);
      this.labels.check(work);
      const line = await this.#journal.append(work, client, request);
      const changed = this.#take(line);
      this.#emit({ event: 'journal', sequence: line.sequence, client });
      this.background.answered(work.do === 'answers' ? (changed?.length ?? 0) : 1);
      const cells = changed && changed.length <= mostChanged ? Array.from(changed) : null;
      return this.#written(line.sequence, false, cells);
    });
    this.#last = written.catch(() => {});
    return written;
  }

  #written(sequence: number, repeated: boolean, changed: number[] | null): Written {
    const { labels } = this;
    return {
      sequence,
      repeated,
      undo: labels.undoDepth,
      redo: labels.redoDepth,
      labelCounts: labels.counts(),
      classes: labels.classes(),
      changed,
    };
  }

  session(): Session {
    const { dataset, columns, labels, background } = this;
    const named = (texts: readonly string[]) => texts.filter((text) => text !== '');
    return {
      name: basename(resolve(dataset.path)),
      kind: 'dataset',
      cells: dataset.count,
      classes: labels.classes(),
      channels: [...dataset.channels],
      cropSize: dataset.size,
      pixelSize: null,
      model:
        this.#model === undefined
          ? null
          : { name: basename(this.#model), classes: [...(background.posteriors?.classes ?? [])] },
      has: {
        fields: false,
        plates: named(columns.plate.texts).length > 0,
        proteins: named(columns.protein.texts).length > 0,
        features: background.features !== undefined,
        predictions: background.posteriors !== undefined,
        map: background.map.state === 'ready',
      },
      labelCounts: labels.counts(),
      undo: labels.undoDepth,
      redo: labels.redoDepth,
      sequence: this.#journal.sequence,
      work: background.work,
      flags: named(columns.quality.texts),
      plates: named(columns.plate.texts),
      who: this.#who,
      calledClasses: [...(background.posteriors?.classes ?? [])],
    };
  }

  row(cell: number): CellRow {
    const { columns, labels } = this;
    const { posteriors } = this.background;
    const label = labels.label(cell);
    const called = posteriors?.called[cell] ?? null;
    return {
      cell,
      name: columns.name(cell),
      protein: columns.text('protein', cell),
      plate: columns.text('plate', cell),
      well: columns.text('well', cell),
      field: columns.text('field', cell),
      label: label < 0 ? null : label,
      state: labels.state(cell),
      called,
      confidence:
        posteriors && called !== null ? (posteriors.values[cell * posteriors.classes.length + called] as number) : null,
      flag: columns.text('quality', cell),
    };
  }

  async detail(cell: number): Promise<CellDetail> {
    const { columns, background } = this;
    const { posteriors } = background;
    const k = posteriors?.classes.length ?? 0;
    const protein = columns.text('protein', cell);
    const known = (value: number | undefined) => (value === undefined || Number.isNaN(value) ? null : value);
    const history = (this.#history.get(cell) ?? []).flatMap((line) =>
      line.do === 'answers'
        ? line.operations
            .filter(({ cells }) => cells.includes(cell))
            .map(({ answer }) => ({ sequence: line.sequence, who: line.who, when: line.when, answer }))
        : [],
    );
    const rows = protein === '' ? [] : await this.proteins();
    return {
      row: this.row(cell),
      posterior: posteriors ? Array.from(posteriors.values.subarray(cell * k, (cell + 1) * k)) : null,
      x: known(columns.x[cell]),
      y: known(columns.y[cell]),
      source: '',
      neighbours: await background.neighbours(cell, 12),
      protein: rows.find((row) => row.protein === protein) ?? null,
      history,
    };
  }

  /** Rows of the proteins table, made anew when the posteriors have changed. */
  proteins(): Promise<ProteinRow[]> {
    const { posteriors } = this.background;
    if (!this.#proteins || this.#proteins.of !== posteriors) {
      this.#proteins = { of: posteriors, rows: proteinRows(this.columns, posteriors) };
    }
    return this.#proteins.rows;
  }

  /** Calls `listener` for every event until the returned function is called. */
  listen(listener: (event: Event) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  #emit(event: Event): void {
    for (const listener of this.#listeners) listener(event);
  }

  async close(): Promise<void> {
    await this.background.close();
    await this.#last;
    await this.#journal.close();
  }
}
