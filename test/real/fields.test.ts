/** The segmentation of the two real fields with hand-corrected truth, against the bars of docs/segmentation.md. */
import { readFileSync } from 'node:fs';
import { describe, expect, type TestContext, test } from 'vitest';
import type { Plane } from '../../src/fields/plane';
import { segmentField } from '../../src/fields/segmentation';
import { openTiff } from '../../src/files/tiff';
import { type Score, score, type TruthCell } from '../fields/score';
import { sharedDataOrSkip } from '../shared-data';

const fields = ['r01c01f01p01', 'r01c01f02p01'] as const;
type Field = (typeof fields)[number];

async function readPlane(path: string): Promise<Plane> {
  const tiff = await openTiff(path);
  try {
    const { width, height } = tiff.images[0] as { width: number; height: number };
    return { width, height, data: (await tiff.readPlane(0)) as Plane['data'] };
  } finally {
    await tiff.close();
  }
}

interface Truth {
  labels: Plane;
  cells: Map<number, TruthCell & { area: number }>;
}

async function readTruth(context: TestContext, field: Field): Promise<Truth> {
  const labels = await readPlane(sharedDataOrSkip(context, 'fields', `${field}_truth.tiff`));
  const [head = '', ...rows] = readFileSync(sharedDataOrSkip(context, 'fields', `${field}_cells.csv`), 'utf8')
    .trim()
    .split(/\r?\n/);
  const names = head.split(',');
  const cells = rows.map((line) => {
    const values = line.split(',');
    const value = (name: string) => values[names.indexOf(name)] ?? '';
    const flag = (value('flag') || 'ok') as TruthCell['flag'];
    const cell = { border: value('border') === '1', budOf: Number(value('bud_of')), flag, area: Number(value('area')) };
    return [Number(value('label')), cell] as const;
  });
  return { labels, cells: new Map(cells) };
}

/** The figures go to the terminal, so that docs/segmentation.md can quote them. */
function report(field: Field, figures: unknown): void {
  process.stdout.write(`${field} ${JSON.stringify(figures)}\n`);
}

const marker = (context: TestContext, field: Field) =>
  readPlane(sharedDataOrSkip(context, 'fields', `${field}-ch3sk1fk1fl1.tiff`));

const scoreOf = ({ labels, cells }: Truth, predicted: ArrayLike<number>): Score =>
  score(labels.data, cells, predicted, labels.width);

/** The label image of a plane whose pixels were moved by `moved`, moved back. */
function unmoved(labels: Uint32Array, moved: Uint32Array): Uint32Array {
  const result = new Uint32Array(labels.length);
  for (const [to, from] of moved.entries()) result[from] = labels[to] as number;
  return result;
}

describe.each(fields)('the real field %s', (field) => {
  test('is scored like score.py scores it', async (context) => {
    const truth = await readTruth(context, field);
    const masks = await readPlane(sharedDataOrSkip(context, 'fields', `${field}_labeled.tiff`));
    const { at50, at75 } = scoreOf(truth, masks.data);
    // From the README of the fields.
    const known = { r01c01f01p01: [404, 96, 374, 0.357], r01c01f02p01: [130, 52, 183, 0.334] }[field];
    expect([at50.tp, at50.fp, at50.fn, Number(at75.f1.toFixed(3))]).toEqual(known);
  });

  test('reaches the bars', async (context) => {
    const truth = await readTruth(context, field);
    const { labels, diameter } = await segmentField(await marker(context, field));
    const { at50, at75, missed } = scoreOf(truth, labels);
    const lost = new Set(missed);
    const share = (wanted: (cell: TruthCell & { area: number }) => boolean) => {
      const scored = [...truth.cells].filter(([, c]) => !c.border && c.flag !== 'unsure' && wanted(c));
      return scored.filter(([label]) => !lost.has(label)).length / scored.length;
    };
    const figures = {
      large: share((c) => c.flag === 'ok' && c.area >= 200),
      middle: share((c) => c.area >= 80 && c.area < 200),
      buds: share((c) => c.area < 80),
      dead: share((c) => c.flag === 'dead'),
    };
    report(field, { diameter, at50, at75, ...figures });
    expect(at50.f1).toBeGreaterThanOrEqual(0.92);
    expect(at75.f1).toBeGreaterThanOrEqual(0.82);
    expect(figures.large).toBeGreaterThanOrEqual(0.99);
    expect(figures.middle).toBeGreaterThanOrEqual(0.9);
    expect(figures.buds).toBeGreaterThanOrEqual(0.4);
    expect(figures.dead).toBeGreaterThanOrEqual(0.7);
  });

  test('scores within 0.02 of that when it is flipped, turned, brighter, darker or half as large', async (context) => {
    const truth = await readTruth(context, field);
    const plane = await marker(context, field);
    const { width, height, data } = plane;
    const plain = scoreOf(truth, (await segmentField(plane)).labels).at50.f1;
    const figures: Record<string, number> = { plain };
    const moves: Record<string, (x: number, y: number) => [number, number]> = {
      'left to right': (x, y) => [width - 1 - x, y],
      'upside down': (x, y) => [x, height - 1 - y],
      'quarter turn': (x, y) => [y, width - 1 - x],
      'half turn': (x, y) => [width - 1 - x, height - 1 - y],
    };
    for (const [name, move] of Object.entries(moves)) {
      const moved = Uint32Array.from(data, (_, i) => {
        const [x, y] = move(i % width, Math.floor(i / width));
        return y * width + x;
      });
      const turned = Uint16Array.from(moved, (from) => data[from] as number);
      const { labels } = await segmentField({ width, height, data: turned });
      figures[name] = scoreOf(truth, unmoved(labels, moved)).at50.f1;
    }
    for (const gain of [0.5, 2]) {
      const scaled = { width, height, data: Uint16Array.from(data, (v) => Math.floor(v * gain)) };
      figures[`brightness ${gain}`] = scoreOf(truth, (await segmentField(scaled)).labels).at50.f1;
    }
    const half = { width: width / 2, height: height / 2, data: new Uint16Array((width / 2) * (height / 2)) };
    for (let y = 0; y < half.height; y++)
      for (let x = 0; x < half.width; x++) {
        const first = 2 * y * width + 2 * x;
        const sum = [first, first + 1, first + width, first + width + 1].reduce((s, i) => s + (data[i] as number), 0);
        half.data[y * half.width + x] = Math.round(sum / 4);
      }
    const small = await segmentField(half);
    const enlarged = Uint32Array.from(
      data,
      (_, i) => small.labels[(Math.floor(i / width) >> 1) * half.width + ((i % width) >> 1)] as number,
    );
    figures['half as large'] = scoreOf(truth, enlarged).at50.f1;
    report(field, figures);
    for (const f1 of Object.values(figures)) expect(Math.abs(f1 - plain)).toBeLessThanOrEqual(0.02);
  });
});
