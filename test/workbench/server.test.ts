import { request } from 'node:http';
import sharp from 'sharp';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { CellRows, Queue, Session, Training, View, Written } from '../../src/workbench/protocol';
import { madeCells, smallNetwork, smallSize, writeMadeDataset } from '../small-model';
import { temporaryFolder } from '../temporary-folder';
import { type Opened, openWorkbench } from './opened';

const folder = temporaryFolder();
const classes = ['er', 'golgi', 'nucleus'];
const cells = 300;
let opened: Opened | undefined;
let requests = 0;

beforeEach(() => {
  writeMadeDataset(folder.path('data'), madeCells(cells, classes.length), classes);
});

afterEach(async () => {
  await opened?.server.close();
  opened = undefined;
});

const answer = (rows: number[], given: unknown) => ({
  client: 'tab',
  request: `r${requests++}`,
  operations: [{ cells: rows, answer: given }],
});

/** One request with headers of its own, which fetch would not let through. */
function raw(
  port: number,
  path: string,
  headers: Record<string, string>,
): Promise<{ status: number; headers: NodeJS.Dict<string | string[]> }> {
  return new Promise((resolve, reject) => {
    request({ host: '127.0.0.1', port, path, headers }, (response) => {
      response.resume();
      resolve({ status: response.statusCode ?? 0, headers: response.headers });
    })
      .on('error', reject)
      .end();
  });
}

describe('who may speak to the server', () => {
  it('takes the token once and then its cookie; refuses anything else', async () => {
    opened = await openWorkbench(folder.path('data'));
    const { port, token } = opened.server;
    const first = await raw(port, `/?token=${token}`, {});
    expect(first.status).toBe(303);
    const cookie = String(first.headers['set-cookie']);
    expect(cookie).toMatch(/HttpOnly/);
    expect(cookie).toMatch(/SameSite=Strict/);
    const shown = cookie.split(';')[0] as string;
    expect((await raw(port, '/api/session', { cookie: shown })).status).toBe(200);
    expect((await raw(port, '/api/session', {})).status).toBe(403);
    expect((await raw(port, '/?token=wrong', {})).status).toBe(403);
    expect((await raw(port, '/api/session', { cookie: shown, host: `evil.example:${port}` })).status).toBe(403);
    expect((await raw(port, '/api/session', { cookie: shown, origin: 'http://evil.example' })).status).toBe(403);
    expect((await raw(port, '/api/session', { cookie: shown, 'sec-fetch-site': 'cross-site' })).status).toBe(403);
    const headers = (await raw(port, '/api/session', { cookie: shown })).headers;
    expect(headers['content-security-policy']).toContain("default-src 'none'");
  });

  it('gives no file of the disk, whatever the path', async () => {
    opened = await openWorkbench(folder.path('data'));
    const { port, token } = opened.server;
    for (const path of ['/../package.json', '/%2e%2e/%2e%2e/etc/passwd', '/..%2f..%2fetc%2fpasswd', '//etc/passwd']) {
      expect((await raw(port, path, { authorization: `Bearer ${token}` })).status).toBe(404);
    }
  });
});

describe('views', () => {
  it('filters and sorts', async () => {
    opened = await openWorkbench(folder.path('data'));
    const { json } = opened;
    const all = await json<View>('/views', {});
    expect(all.count).toBe(cells);
    const golgi = await json<View>('/views', { filters: { labels: [1], proteins: ['YAL1', 'YAL2'] } });
    const { rows } = await json<CellRows>(`/views/${golgi.view}/cells?from=0&count=500`);
    expect(rows).toHaveLength(cells / 15);
    expect(rows.every(({ label, protein }) => label === 1 && protein === 'YAL1')).toBe(true);
    const text = await json<View>('/views', { filters: { text: 'CELL29' } });
    // cell29, cell290 to cell299
    expect(text.count).toBe(11);
    const random = await json<View>('/views', { sort: 'random', seed: 4 });
    const shuffled = (await json<CellRows>(`/views/${random.view}/cells?count=2000`)).rows.map(({ cell }) => cell);
    expect(shuffled).not.toEqual([...shuffled].sort((a, b) => a - b));
    expect(new Set(shuffled).size).toBe(cells);
    expect(await json(`/views/${random.view}/position?cell=${shuffled[7]}`)).toEqual({ position: 7 });
  });

  it('draws the pixels of the cells by channel and contrast', async () => {
    opened = await openWorkbench(folder.path('data'));
    const { ask, json, workbench } = opened;
    const { view } = await json<View>('/views', {});
    const answered = await ask(`/views/${view}/sheet.png?from=3&count=5&columns=3&channels=1&low1=10&high1=110`);
    const { data, info } = await sharp(Buffer.from(await answered.arrayBuffer()))
      .raw()
      .toBuffer({ resolveWithObject: true });
    expect([info.width, info.height, info.channels]).toEqual([3 * smallSize, 2 * smallSize, 4]);
    const image = await workbench.dataset.readImages(Uint32Array.of(4));
    const value = image[(2 * smallSize + 5) * 2 + 1] as number;
    const at = (2 * info.width + smallSize + 5) * 4;
    const drawn = Math.round((255 * Math.min(100, Math.max(0, value - 10))) / 100);
    expect([...data.subarray(at, at + 4)]).toEqual([0, drawn, 0, 255]);
    // The sixth place is empty.
    expect(data[((smallSize + 1) * info.width + 2 * smallSize + 1) * 4 + 3]).toBe(0);
  });
});

describe('answers', () => {
  it('are there after the server has ended, in their order, with undo and redo', async () => {
    opened = await openWorkbench(folder.path('data'), { who: 'Ada' });
    const first = answer([0, 1, 2], { class: 2 });
    const written = await opened.json<Written>('/answers', first);
    expect(written.labelCounts.answered).toBe(3);
    expect(written.changed).toEqual([0, 1, 2]);
    expect((await opened.json<Written>('/answers', first)).repeated).toBe(true);
    await opened.json('/answers', answer([1], { state: 'not-a-cell' }));
    await opened.json('/undo', { client: 'tab', request: 'u' });
    await opened.json('/classes', { client: 'tab', request: 'c', do: 'add', name: '<b>new</b>' });
    await opened.server.close();
    opened = await openWorkbench(folder.path('data'));
    const session = await opened.json<Session>('/session');
    expect(session.labelCounts.answered).toBe(3);
    expect(session.sequence).toBe(5);
    expect(session.undo).toBe(1);
    expect(session.classes[3]).toMatchObject({ name: '<b>new</b>', origin: 'added', labels: 0 });
    expect((await opened.json<Written>('/answers', first)).repeated).toBe(true);
  });

  it('of a class that was merged become those of the other, until that is undone', async () => {
    opened = await openWorkbench(folder.path('data'));
    const merged = await opened.json<Written>('/classes', {
      client: 't',
      request: 'm',
      do: 'merge',
      class: 0,
      into: 2,
    });
    expect(merged.classes.map(({ labels }) => labels)).toEqual([0, 100, 200]);
    const back = await opened.json<Written>('/undo', { client: 't', request: 'n' });
    expect(back.classes.map(({ labels }) => labels)).toEqual([100, 100, 100]);
  });

  it('from two tabs at once are all kept', async () => {
    opened = await openWorkbench(folder.path('data'));
    const { json } = opened;
    await Promise.all(Array.from({ length: 40 }, (_, i) => json('/answers', answer([i], { class: i % 3 }))));
    const session = await json<Session>('/session');
    expect(session.labelCounts.answered).toBe(40);
    expect(session.sequence).toBe(41);
  });

  it('that make no sense are refused and change nothing', async () => {
    opened = await openWorkbench(folder.path('data'));
    const { ask, json } = opened;
    const bad: unknown[] = [
      answer([cells], { class: 0 }),
      answer([0.5], { class: 0 }),
      answer([-1], { class: 0 }),
      answer([0], { class: 9 }),
      answer([0], { state: 'perhaps' }),
      answer([], { class: 0 }),
      { operations: [] },
      null,
      [],
      'text',
    ];
    for (const body of bad) expect((await ask('/answers', body)).status).toBe(400);
    expect((await ask('/answers', answer([0], { class: 0 }), { 'content-type': 'text/plain' })).status).toBe(400);
    expect((await json<Session>('/session')).sequence).toBe(1);
  });
});

describe('with a model', () => {
  it('predicts, asks, trains and uses what it learned', async () => {
    const network = await smallNetwork(classes);
    await network.save(folder.path('model.safetensors'));
    await network.close();
    const unlabelled = madeCells(cells, classes.length).map((cell, i) => ({
      ...cell,
      label: i < 45 ? cell.label : -1,
    }));
    writeMadeDataset(folder.path('data'), unlabelled as ReturnType<typeof madeCells>, classes);
    opened = await openWorkbench(folder.path('data'), {
      model: folder.path('model.safetensors'),
      device: { threads: 1 },
    });
    const { json, workbench } = opened;
    const settled = async () => {
      for (;;) {
        const { has, work } = await json<Session>('/session');
        const failed = work.find(({ error }) => error !== null);
        if (failed) throw new Error(`${failed.what}: ${failed.error}`);
        if (has.features && work.length === 0) return;
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    };
    await settled();
    const trained = await json<Training>('/training');
    expect(trained.curve).toHaveLength(1);
    expect(trained.curve[0]?.labels).toBe(45);
    expect(trained.curve[0]?.proteins).toBe(15);
    const { cells: asked } = await json<Queue>('/queue?count=12');
    expect(asked).toHaveLength(12);
    expect(new Set(asked.map(({ row }) => row.protein)).size).toBeGreaterThan(6);
    expect(asked.every(({ row }) => row.state === 'none')).toBe(true);
    expect(await json('/use', {})).toEqual({ cells, calledClasses: classes });
    const { posteriors } = workbench.background;
    for (let cell = 0; cell < cells; cell++) {
      const sum = posteriors?.values.subarray(cell * 3, cell * 3 + 3).reduce((a, b) => a + b, 0) ?? 0;
      expect(sum).toBeCloseTo(1, 4);
    }
    const detail = await json<{ neighbours: { cell: number; similarity: number }[] }>('/cells/7');
    expect(detail.neighbours).toHaveLength(12);
    for (const sort of ['least-certain', 'suspect', 'unlike-class', 'near-duplicates']) {
      expect((await json<View>('/views', { sort })).count).toBe(cells);
    }
  });
});
