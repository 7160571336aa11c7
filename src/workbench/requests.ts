/** Reads what a request says; anything but what protocol.ts states is `invalid-argument`. */
import { DeepYeastError } from '../errors';
import { parseNumber, parseWholeNumber } from '../files/number';
import type { JournalWork } from './journal';
import { type Answer, answerStates, labelStates, type ViewRequest, viewSorts } from './protocol';
import type { Drawing } from './sheets';

type Fields = Readonly<Record<string, unknown>>;

export function invalid(message: string): DeepYeastError {
  return new DeepYeastError('invalid-argument', message);
}

export function objectOf(value: unknown, what: string): Fields {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Fields;
  throw invalid(`${what} must be an object`);
}

export function wholeNumberOf(value: unknown, what: string, least: number, most: number): number {
  if (typeof value === 'number' && Number.isInteger(value) && value >= least && value <= most) return value;
  throw invalid(`${what} is ${JSON.stringify(value)?.slice(0, 50)}, expected a whole number from ${least} to ${most}`);
}

/** A number of a query or a path; `fallback` where it is absent. */
export function queryNumber(text: string | undefined, what: string, least: number, most: number, fallback?: number) {
  if (text === undefined && fallback !== undefined) return fallback;
  return wholeNumberOf(/^\d{1,15}$/.test(text ?? '') ? parseWholeNumber(text as string) : text, what, least, most);
}

export function textOf(value: unknown, what: string, most: number): string {
  if (typeof value === 'string' && value !== '' && value.length <= most) return value;
  throw invalid(`${what} must be a text of 1 to ${most} characters`);
}

export function oneOf<Name extends string>(value: unknown, what: string, names: readonly Name[]): Name {
  const known = names.find((name) => name === value);
  if (known !== undefined) return known;
  throw invalid(`${what} is ${JSON.stringify(value)?.slice(0, 50)}, expected one of ${names.join(', ')}`);
}

function listOf<Item>(value: unknown, what: string, most: number, item: (value: unknown) => Item): Item[] {
  if (Array.isArray(value) && value.length <= most) return value.map(item);
  throw invalid(`${what} must be a list of at most ${most}`);
}

/** Cells in one list: a request has a limit of its own. */
const mostCells = 4e6;

export function viewRequestOf(value: unknown, cells: number): ViewRequest {
  const fields = objectOf(value, 'the view');
  const filters = objectOf(fields.filters ?? {}, 'filters');
  const numbers = (key: string, most: number) =>
    filters[key] === undefined
      ? {}
      : { [key]: listOf(filters[key], key, mostCells, (item) => wholeNumberOf(item, key, 0, most)) };
  const names = (key: string) =>
    filters[key] === undefined
      ? {}
      : {
          [key]: listOf(filters[key], key, 10_000, (item) => {
            if (typeof item === 'string' && item.length <= 1000) return item;
            throw invalid(`${key} must list texts`);
          }),
        };
  const { text, states } = filters;
  return {
    filters: {
      ...numbers('labels', 32_767),
      ...numbers('called', 65_535),
      ...numbers('cells', cells - 1),
      ...names('proteins'),
      ...names('plates'),
      ...names('wells'),
      ...names('flags'),
      ...(states !== undefined && {
        states: listOf(states, 'states', 10, (item) => oneOf(item, 'states', labelStates)),
      }),
      ...(text !== undefined && text !== '' && { text: textOf(text, 'text', 200) }),
    },
    sort: oneOf(fields.sort ?? 'order', 'sort', viewSorts),
    seed: wholeNumberOf(fields.seed ?? 0, 'seed', 0, Number.MAX_SAFE_INTEGER),
    ...(fields.class !== undefined && { class: wholeNumberOf(fields.class, 'class', 0, 65_535) }),
  };
}

export function identityOf(fields: Fields): { client: string; request: string } {
  return { client: textOf(fields.client, 'client', 64), request: textOf(fields.request, 'request', 64) };
}

function answerOf(value: unknown): Answer {
  const fields = objectOf(value, 'answer');
  if (fields.class !== undefined) return { class: wholeNumberOf(fields.class, 'class', 0, 32_767) };
  return { state: oneOf(fields.state, 'state', answerStates) };
}

export function answersOf(fields: Fields, cells: number): JournalWork {
  const operations = listOf(fields.operations, 'operations', 10_000, (value) => {
    const operation = objectOf(value, 'an operation');
    return {
      cells: listOf(operation.cells, 'cells', mostCells, (cell) => wholeNumberOf(cell, 'a cell', 0, cells - 1)),
      answer: answerOf(operation.answer),
    };
  });
  if (!operations.some((operation) => operation.cells.length > 0)) throw invalid('the operations name no cell');
  return { do: 'answers', operations };
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for.
const controls = /[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/;

export function classWorkOf(fields: Fields): JournalWork {
  const work = oneOf(fields.do, 'do', ['add', 'rename', 'merge'] as const);
  const id = (key: string) => wholeNumberOf(fields[key], key, 0, 32_767);
  if (work === 'merge') return { do: work, class: id('class'), into: id('into') };
  const name = textOf(fields.name, 'name', 100).trim();
  if (name === '' || controls.test(name)) throw invalid('the name must have letters and no control characters');
  return work === 'add' ? { do: work, name } : { do: work, class: id('class'), name };
}

/** How cells are to be drawn, by the query. */
export function drawingOf(query: Readonly<Record<string, string>>, channels: number, mostScale: number): Drawing {
  const get = (key: string) => (Object.hasOwn(query, key) ? query[key] : undefined);
  const scales = [0.25, 0.5, 1, 2, 3, 4, 5, 6, 7, 8].filter((scale) => scale <= mostScale);
  const scale = parseNumber(get('scale') ?? '1') ?? Number.NaN;
  if (!scales.includes(scale)) throw invalid(`scale must be one of ${scales.join(', ')}`);
  const bounds = (key: string, fallback: number) =>
    Array.from({ length: channels }, (_, c) => queryNumber(get(`${key}${c}`), `${key}${c}`, 0, 255, fallback));
  const shown = get('channels');
  const list =
    shown === undefined
      ? Array.from({ length: channels }, (_, c) => c)
      : (shown === '' ? [] : shown.split(',')).map((text) => queryNumber(text, 'channels', 0, channels - 1));
  return {
    scale,
    channels: [...new Set(list)],
    low: bounds('low', 0),
    high: bounds('high', 255),
    palette: oneOf(get('palette') ?? 'red-green', 'palette', ['red-green', 'colour-blind'] as const),
  };
}
