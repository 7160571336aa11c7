/** Views: which cells pass the filters, in which order. A view is an array of rows; a million cells are four megabytes. */
import { setImmediate } from 'node:timers/promises';
import { DeepYeastError } from '../errors';
import { permutation } from '../random';
import { analysisDraw } from '../random-draws';
import { type CellColumns, type TextColumn, turn } from './cell-columns';
import type { Labels } from './labels';
import type { ViewFilters, ViewRequest } from './protocol';

/** What the network, or a classifier trained here, says of every cell. */
export interface Posteriors {
  classes: readonly string[];
  /** [cells, classes] */
  values: Float32Array;
  /** [cells]: position of the largest. */
  called: Uint16Array;
}

/** What follows from the features of all cells. */
export interface FeatureOrder {
  /** [cells]: cells that are nearly the same have neighbouring ranks. */
  duplicates: Float32Array;
  /** [cells]: distance from the mean of the called class. */
  distance: Float32Array;
}

export interface ViewSource {
  columns: CellColumns;
  labels: Labels;
  posteriors: Posteriors | undefined;
  features: FeatureOrder | undefined;
}

/** @throws not-ready where the sort, or the filter by called class, needs what is not there yet */
export async function makeView(source: ViewSource, request: ViewRequest): Promise<Uint32Array> {
  const cells = await filtered(source, request.filters ?? {});
  return sorted(source, cells, request);
}

async function filtered(source: ViewSource, filters: ViewFilters): Promise<Uint32Array> {
  const { columns, labels, posteriors } = source;
  const tests: ((cell: number) => boolean)[] = [];
  const among = (column: TextColumn, names: readonly string[] | undefined) => {
    if (!names?.length) return;
    const wanted = new Set(names);
    const passes = column.texts.map((text) => wanted.has(text));
    tests.push((cell) => passes[column.numbers[cell] as number] as boolean);
  };
  among(columns.protein, filters.proteins);
  among(columns.plate, filters.plates);
  among(columns.well, filters.wells);
  among(columns.quality, filters.flags);
  if (filters.labels?.length) {
    const wanted = new Set(filters.labels);
    tests.push((cell) => wanted.has(labels.label(cell)));
  }
  if (filters.states?.length) {
    const wanted = new Set(filters.states);
    tests.push((cell) => wanted.has(labels.state(cell)));
  }
  if (filters.called?.length) {
    const { called } = required(posteriors, 'predictions');
    const wanted = new Set(filters.called);
    tests.push((cell) => wanted.has(called[cell] as number));
  }
  if (filters.text) tests.push(textTest(columns, filters.text));
  const candidates = filters.cells?.length ? Uint32Array.from(new Set(filters.cells)).sort() : undefined;
  const count = candidates?.length ?? columns.count;
  const passed = new Uint32Array(count);
  let found = 0;
  for (let i = 0; i < count; i++) {
    const cell = candidates ? (candidates[i] as number) : i;
    if (tests.every((test) => test(cell))) passed[found++] = cell;
    if (i % turn === turn - 1) await setImmediate();
  }
  return found === count ? passed : passed.slice(0, found);
}

/** A text that repeats is searched once, whatever the number of its cells. */
function textTest(columns: CellColumns, text: string): (cell: number) => boolean {
  const wanted = text.toLowerCase();
  const has = (value: string) => value.toLowerCase().includes(wanted);
  const places = [columns.protein, columns.plate, columns.well].map((column) => ({
    numbers: column.numbers,
    found: column.texts.map(has),
  }));
  return (cell) =>
    places.some(({ numbers, found }) => found[numbers[cell] as number] as boolean) || has(columns.name(cell));
}

async function sorted(source: ViewSource, cells: Uint32Array, request: ViewRequest): Promise<Uint32Array> {
  const { posteriors, features, labels } = source;
  const { sort = 'order' } = request;
  if (sort === 'order') return cells;
  if (sort === 'random') {
    const order = permutation(request.seed ?? 0, 'analysis', analysisDraw('workbench'), cells.length);
    return order.map((at) => cells[at] as number);
  }
  if (sort === 'near-duplicates') {
    const { duplicates } = required(features, 'features');
    return byKey(cells, (cell) => duplicates[cell] as number);
  }
  if (sort === 'unlike-class') {
    const { distance } = required(features, 'features');
    return byKey(cells, (cell) => -(distance[cell] as number));
  }
  const { classes, values, called } = required(posteriors, 'predictions');
  const k = classes.length;
  if (sort === 'least-certain') return byKey(cells, (cell) => values[cell * k + (called[cell] as number)] as number);
  if (sort === 'posterior') {
    const wanted = request.class ?? -1;
    if (!(wanted >= 0 && wanted < k)) {
      throw new DeepYeastError('invalid-argument', `found the class ${request.class}, expected one from 0 to ${k - 1}`);
    }
    return byKey(cells, (cell) => -(values[cell * k + wanted] as number));
  }
  // Suspects: cells without a label, and labels that the classifier does not know, come last.
  const positions = new Map(classes.map((name, at) => [name, at]));
  return byKey(cells, (cell) => {
    const label = labels.label(cell);
    const at = label < 0 ? undefined : positions.get(labels.className(label));
    return at === undefined ? 2 : (values[cell * k + at] as number);
  });
}

function required<Value>(value: Value | undefined, what: string): Value {
  if (value !== undefined) return value;
  throw new NotReady(`the ${what} of the cells are not there yet, or no model was given`);
}

/** What was asked for needs what is still being computed. */
export class NotReady extends Error {}

/**
 * The cells by ascending key, ties in their own order. Key and position are packed into one double, which typed arrays
 * sort natively: a million in a tenth of a second.
 */
async function byKey(cells: Uint32Array, key: (cell: number) => number): Promise<Uint32Array> {
  const keys = new Float32Array(cells.length);
  for (let i = 0; i < cells.length; i++) {
    keys[i] = key(cells[i] as number);
    if (i % turn === turn - 1) await setImmediate();
  }
  const bits = new Uint32Array(keys.buffer);
  // 2^53 hold all 32 bits of the key up to two million cells; beyond that the key loses its last bits.
  const positions = 2 ** Math.ceil(Math.log2(Math.max(2, cells.length)));
  const coarse = Math.max(1, positions / 2 ** 21);
  const packed = new Float64Array(cells.length);
  for (let i = 0; i < cells.length; i++) {
    const word = bits[i] as number;
    const ordered = word & 0x80000000 ? ~word >>> 0 : (word | 0x80000000) >>> 0;
    packed[i] = Math.floor(ordered / coarse) * positions + i;
  }
  packed.sort();
  return Uint32Array.from(packed, (value) => cells[value % positions] as number);
}

/** The views that are held, the oldest forgotten. */
export class Views {
  readonly #views = new Map<string, Uint32Array>();
  #next = 1;

  add(cells: Uint32Array): string {
    const name = `v${this.#next++}`;
    this.#views.set(name, cells);
    let held = 0;
    for (const view of [...this.#views.keys()].reverse()) {
      held += (this.#views.get(view) as Uint32Array).length;
      if (view !== name && (this.#views.size > mostViews || held > mostHeld)) this.#views.delete(view);
    }
    return name;
  }

  get(name: string): Uint32Array | undefined {
    const view = this.#views.get(name);
    if (view) {
      // Used last: forgotten last.
      this.#views.delete(name);
      this.#views.set(name, view);
    }
    return view;
  }
}

const mostViews = 24;
/** Rows in all views together: 48 MB. */
const mostHeld = 12e6;
