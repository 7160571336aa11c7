/** The endpoints of protocol.ts over a workbench. */

import { copyFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Context, Hono } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import { streamSSE } from 'hono/streaming';
import { DeepYeastError, fileError } from '../errors';
import { readFloats } from '../files/float32-npy';
import { requireNothingAt } from '../files/output-folder';
import { type Log, silent } from '../log';
import { backgroundFiles } from './background-tasks';
import { heatColumns, plateHeat } from './plates';
import type { Event, Queue, Saved } from './protocol';
import {
  answersOf,
  classWorkOf,
  drawingOf,
  identityOf,
  invalid,
  objectOf,
  oneOf,
  queryNumber,
  textOf,
  viewRequestOf,
  wholeNumberOf,
} from './requests';
import { saveDataset, saveLabels } from './saving';
import { drawSheet } from './sheets';
import { makeView, NotReady } from './views';
import type { Workbench } from './workbench';

/** What is not there: a path, a view that was forgotten, a part that this dataset does not have. */
class NotThere extends Error {
  readonly code: 'not-found' | 'not-available';
  constructor(code: 'not-found' | 'not-available', message: string) {
    super(message);
    this.code = code;
  }
}

/** A request names at most some million cells. */
const mostBytes = 48 * 2 ** 20;
const mostRows = 2000;
const mostSheetCells = 400;
/** Pixels of a sheet. */
const mostPixels = 40e6;
/** A message now and then keeps the connection of the events open, and finds out where nobody listens any more. */
const heartbeat = 20_000;

export function apiRoutes(workbench: Workbench, log: Log = silent): Hono {
  const api = new Hono();
  api.onError((error, context) => errorAnswer(error, context, log));
  api.notFound((context) => context.json({ error: { code: 'not-found', message: 'there is no such endpoint' } }, 404));
  api.use(
    bodyLimit({
      maxSize: mostBytes,
      onError: (context) =>
        context.json({ error: { code: 'too-large', message: `a request has at most ${mostBytes} bytes` } }, 413),
    }),
  );
  api.use(async (context, next) => {
    await next();
    context.header('Cache-Control', 'no-store');
  });
  api.get('/session', (context) => context.json(workbench.session()));
  addViews(api, workbench);
  addCells(api, workbench);
  addAnswers(api, workbench);
  addLearning(api, workbench);
  addOverviews(api, workbench);
  api.get('/events', (context) =>
    streamSSE(context, async (stream) => {
      const waiting: Event[] = [];
      let wake = () => {};
      const stop = workbench.listen((event) => {
        waiting.push(event);
        wake();
      });
      stream.onAbort(() => wake());
      try {
        await stream.write(': open\n\n');
        while (!stream.aborted && !stream.closed) {
          for (const event of waiting.splice(0)) await stream.writeSSE({ data: JSON.stringify(event) });
          let timer: NodeJS.Timeout | undefined;
          const beat = await new Promise<boolean>((resolve) => {
            wake = () => resolve(false);
            timer = setTimeout(() => resolve(true), heartbeat);
            if (waiting.length > 0 || stream.aborted) resolve(false);
          });
          clearTimeout(timer);
          if (beat) await stream.write(': still here\n\n');
        }
      } finally {
        stop();
      }
    }),
  );
  return api;
}

async function bodyOf(context: Context): Promise<Readonly<Record<string, unknown>>> {
  if (!/^application\/json\b/i.test(context.req.header('content-type') ?? '')) {
    throw invalid('the request must be application/json');
  }
  let value: unknown;
  try {
    value = JSON.parse(await context.req.text());
  } catch {
    throw invalid('the request is not JSON');
  }
  return objectOf(value, 'the request');
}

function addViews(api: Hono, workbench: Workbench): void {
  const viewOf = (context: Context) => {
    const view = workbench.views.get(context.req.param('view') ?? '');
    if (view) return view;
    throw new NotThere('not-found', 'the view was forgotten: ask for it again');
  };
  const partOf = (context: Context, most: number) => {
    const view = viewOf(context);
    const from = queryNumber(context.req.query('from'), 'from', 0, 2 ** 32, 0);
    const count = queryNumber(context.req.query('count'), 'count', 0, most, Math.min(most, 100));
    return { from, cells: view.subarray(Math.min(from, view.length), Math.min(from + count, view.length)), count };
  };
  api.post('/views', async (context) => {
    const request = viewRequestOf(await bodyOf(context), workbench.dataset.count);
    const { columns, labels, background } = workbench;
    const { posteriors, features } = background;
    const cells = await makeView({ columns, labels, posteriors, features }, request);
    return context.json({ view: workbench.views.add(cells), count: cells.length });
  });
  api.get('/views/:view/cells', (context) => {
    const { from, cells } = partOf(context, mostRows);
    return context.json({ from, rows: Array.from(cells, (cell) => workbench.row(cell)) });
  });
  api.get('/views/:view/position', (context) => {
    const cell = queryNumber(context.req.query('cell'), 'cell', 0, workbench.dataset.count - 1);
    const position = viewOf(context).indexOf(cell);
    return context.json({ position: position < 0 ? null : position });
  });
  api.get('/views/:view/sheet.png', async (context) => {
    const { cells, count } = partOf(context, mostSheetCells);
    const columns = queryNumber(context.req.query('columns'), 'columns', 1, 64, 10);
    const { size, channels } = workbench.dataset;
    const drawing = drawingOf(context.req.query(), channels.length, 4);
    if (count * (size * Math.max(1, drawing.scale)) ** 2 > mostPixels)
      throw invalid('the sheet would be too large; ask for fewer cells');
    return png(context, await drawSheet(workbench.dataset, cells, columns, drawing));
  });
}

function png(context: Context, bytes: Buffer): Response {
  return context.body(Uint8Array.from(bytes), 200, { 'Content-Type': 'image/png' });
}

function addCells(api: Hono, workbench: Workbench): void {
  const { dataset } = workbench;
  const cellOf = (context: Context) => queryNumber(context.req.param('cell'), 'the cell', 0, dataset.count - 1);
  api.get('/cells/:cell', async (context) => context.json(await workbench.detail(cellOf(context))));
  api.get('/cells/:cell/picture.png', async (context) => {
    const drawing = drawingOf(context.req.query(), dataset.channels.length, 8);
    return png(context, await drawSheet(dataset, Uint32Array.of(cellOf(context)), 1, drawing));
  });
  api.get('/cells/:cell/field.png', (context) => {
    cellOf(context);
    throw new NotThere('not-available', 'there are no micrographs beside this dataset');
  });
}

function addAnswers(api: Hono, workbench: Workbench): void {
  api.post('/answers', async (context) => {
    const fields = await bodyOf(context);
    return context.json(await workbench.write(answersOf(fields, workbench.dataset.count), identityOf(fields)));
  });
  for (const step of ['undo', 'redo'] as const) {
    api.post(`/${step}`, async (context) => {
      return context.json(await workbench.write({ do: step }, identityOf(await bodyOf(context))));
    });
  }
  api.post('/classes', async (context) => {
    const fields = await bodyOf(context);
    return context.json(await workbench.write(classWorkOf(fields), identityOf(fields)));
  });
}

function addLearning(api: Hono, workbench: Workbench): void {
  const { background } = workbench;
  api.get('/queue', async (context) => {
    const count = queryNumber(context.req.query('count'), 'count', 1, 200, 1);
    if (!background.features) throw new NotReady('the features of the cells are not there yet, or no model was given');
    const choices = await background.queue(count);
    return context.json<Queue>({ cells: choices.map((choice) => ({ ...choice, row: workbench.row(choice.cell) })) });
  });
  api.get('/training', (context) => context.json(background.state()));
  api.post('/training', async (context) => {
    const fields = await bodyOf(context);
    background.train({
      kind: oneOf(fields.kind, 'kind', ['logistic', 'forest', 'fine-tune'] as const),
      iterations: wholeNumberOf(fields.iterations ?? 200, 'iterations', 1, 5000),
    });
    return context.json(background.state());
  });
  api.post('/use', async (context) => context.json(await background.use()));
  api.post('/save', async (context) => {
    const fields = await bodyOf(context);
    const what = oneOf(fields.what, 'what', ['model', 'labels', 'dataset'] as const);
    const name = textOf(fields.name, 'name', 64);
    if (!/^[A-Za-z0-9_-]+$/.test(name)) throw invalid('the name may have letters, digits, - and _');
    return context.json<Saved>(await save(workbench, what, name));
  });
}

async function save(workbench: Workbench, what: 'model' | 'labels' | 'dataset', name: string): Promise<Saved> {
  const { folder, dataset, labels, background } = workbench;
  // A folder of their own: whatever the name, it is none of the workbench's files.
  const path = (ending: string) => join(folder, `saved-${name}${ending}`);
  if (what === 'labels') return { path: path('.csv'), cells: await saveLabels(path('.csv'), dataset, labels) };
  if (what === 'dataset') return { path: path(''), cells: await saveDataset(path(''), dataset, labels) };
  const source = background.modelFile;
  const target = path(source.endsWith('.json') ? '.json' : '.safetensors');
  await requireNothingAt(target);
  try {
    await copyFile(source, target);
  } catch (error) {
    throw fileError('write', target, error);
  }
  return { path: target, cells: null };
}

function addOverviews(api: Hono, workbench: Workbench): void {
  const { background, columns, labels } = workbench;
  api.get('/map', async (context) => {
    if (background.map.state !== 'ready') throw new NotThere('not-available', 'the map is not made yet');
    const { values } = await readFloats(join(workbench.folder, backgroundFiles.map));
    const bytes = new Uint8Array(values.buffer as ArrayBuffer, values.byteOffset, values.byteLength);
    return context.body(bytes, 200, { 'Content-Type': 'application/octet-stream' });
  });
  api.post('/map', async (context) => {
    const fields = await bodyOf(context);
    background.makeMap(oneOf(fields.kind ?? 'umap', 'kind', ['umap', 'tsne'] as const));
    return context.json(background.map);
  });
  api.get('/proteins', async (context) => {
    const classes = background.posteriors?.classes ?? [];
    return context.json({ classes, proteins: await workbench.proteins() });
  });
  const plates = () => columns.plate.texts.filter((text) => text !== '');
  api.get('/plates', (context) => context.json({ plates: plates(), columns: heatColumns(background.posteriors) }));
  api.get('/plates/:plate', (context) => {
    const names = plates();
    if (names.length === 0) throw new NotThere('not-available', 'the cells have no plates');
    const plate = queryNumber(context.req.param('plate'), 'the plate', 0, names.length - 1);
    const column = oneOf(context.req.query('column') ?? 'cells', 'column', heatColumns(background.posteriors));
    const number = columns.plate.texts.indexOf(names[plate] as string);
    return context.json(plateHeat(columns, labels, background.posteriors, number, column));
  });
}

function errorAnswer(error: unknown, context: Context, log: Log): Response {
  const answer = (status: 400 | 404 | 409 | 500 | 507, code: string, message: string) =>
    context.json({ error: { code, message } }, status);
  if (error instanceof NotReady) return answer(409, 'not-ready', error.message);
  if (error instanceof NotThere) return answer(404, error.code, error.message);
  if (error instanceof DeepYeastError) {
    const { code, message } = error;
    if (code === 'invalid-argument') return answer(400, code, message);
    if (code === 'output-exists') return answer(409, code, message);
    log('warn', message);
    return answer(code === 'disk-full' ? 507 : 500, code, message);
  }
  const message = error instanceof Error ? error.message : String(error);
  log('error', `the workbench failed: ${error instanceof Error ? error.stack : message}`);
  return answer(500, 'internal', message);
}
