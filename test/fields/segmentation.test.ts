import { describe, expect, test } from 'vitest';
import { type CellMeasurements, measureCells } from '../../src/fields/measure';
import { type Segmentation, segmentField } from '../../src/fields/segmentation';
import { type PlantedCell, plantedField, plantedRows } from './planted-field';

const cells = plantedRows(6, 5);
const width = 240;
const height = 200;

/** The measurements of the cell at a place. */
function at({ labels, cells }: Pick<Segmentation, 'labels' | 'cells'>, x: number, y: number): CellMeasurements {
  const label = labels[Math.round(y) * width + Math.round(x)];
  const found = cells.find((cell) => cell.label === label);
  if (!found) throw new Error(`no cell at ${x}, ${y}`);
  return found;
}

/** Each label from 1 to count is one part, joined by sides. */
function expectWellFormed({ labels, count, width, height }: Segmentation) {
  const parts = new Array<number>(count + 1).fill(0);
  const seen = new Uint8Array(labels.length);
  for (let start = 0; start < labels.length; start++) {
    const label = labels[start] as number;
    if (label === 0 || seen[start]) continue;
    parts[label] = (parts[label] as number) + 1;
    const stack = [start];
    seen[start] = 1;
    for (let p = stack.pop(); p !== undefined; p = stack.pop()) {
      const x = p % width;
      for (const [q, inside] of [
        [p - 1, x > 0],
        [p + 1, x + 1 < width],
        [p - width, p >= width],
        [p + width, p + width < width * height],
      ] as [number, boolean][]) {
        if (!inside || seen[q] || labels[q] !== label) continue;
        seen[q] = 1;
        stack.push(q);
      }
    }
  }
  expect(parts.slice(1)).toEqual(new Array(count).fill(1));
}

describe('segmentField', () => {
  test('finds planted cells, and measures them', async () => {
    const found = await segmentField(plantedField(width, height, cells));
    expect(found.count).toBe(cells.length);
    expectWellFormed(found);
    expect(found.diameter).toBeGreaterThan(18);
    expect(found.diameter).toBeLessThan(24);
    for (const planted of cells) {
      const cell = at(found, planted.x, planted.y);
      expect(Math.hypot(cell.x - planted.x, cell.y - planted.y)).toBeLessThan(0.5);
      expect(cell.area / (Math.PI * planted.radius ** 2)).toBeCloseTo(1, 0);
      expect(cell.majorAxis / (2 * planted.radius)).toBeCloseTo(1, 1);
      expect(cell.minorAxis / (2 * planted.radius)).toBeCloseTo(1, 1);
      expect(cell.intensity.marker.background).toBeGreaterThan(290);
      expect(cell.intensity.marker.background).toBeLessThan(360);
      const { mean, integrated, background } = cell.intensity.marker;
      expect(integrated).toBeCloseTo(cell.area * (mean - background), 0);
      expect(cell.flags).toEqual([]);
    }
    expect(found.field.cells).toBe(cells.length);
    expect(found.field.covered).toBeCloseTo(found.labels.filter((l) => l > 0).length / (width * height), 10);
    expect(found.field.saturated).toBe(0);
  });

  test('gives the same for any number of threads, any integer type and any gain', async () => {
    const marker = plantedField(width, height, cells);
    const one = await segmentField(marker, { threads: 1 });
    for (const threads of [2, 3, 7]) expect((await segmentField(marker, { threads })).labels).toEqual(one.labels);
    for (const Type of [Int32Array, Uint32Array, Float32Array, Int16Array]) {
      expect((await segmentField({ width, height, data: Type.from(marker.data) })).labels).toEqual(one.labels);
    }
    for (const gain of [0.5, 2, 1 / 64]) {
      const data = Float32Array.from(marker.data, (v) => gain * v);
      expect((await segmentField({ width, height, data })).labels).toEqual(one.labels);
    }
    const eight = await segmentField({ width, height, data: Uint8Array.from(marker.data, (v) => v / 24) });
    expect(eight.count).toBe(cells.length);
  });

  test('finds cells of any size, with the diameter measured or given', async () => {
    for (const scale of [0.5, 1.5, 2]) {
      const scaled = cells.map((c) => ({
        ...c,
        x: c.x * scale,
        y: c.y * scale,
        radius: c.radius * scale,
        blur: scale,
      }));
      const marker = plantedField(width * scale, height * scale, scaled);
      const found = await segmentField(marker);
      expect(found.count).toBe(cells.length);
      expect(found.diameter / (20.5 * scale)).toBeGreaterThan(0.85);
      expect(found.diameter / (20.5 * scale)).toBeLessThan(1.2);
      expect((await segmentField(marker, { diameter: 20 * scale })).count).toBe(cells.length);
    }
  });

  test('records buds by either policy', async () => {
    const mother = cells[7] as PlantedCell;
    const bud = { x: mother.x + 16.5, y: mother.y, radius: 5, level: 2500 };
    const marker = plantedField(width, height, [...cells, bud]);
    const apart = await segmentField(marker);
    const together = await segmentField(marker, { buds: 'with-mother' });
    expect(apart.count).toBe(cells.length + 1);
    expect(together.count).toBe(cells.length);
    expect(at(apart, bud.x + 1, bud.y).budOf).toBe(at(apart, mother.x, mother.y).label);
    expect(apart.buds).toMatchObject([{ label: at(apart, bud.x + 1, bud.y).label }]);
    expect(together.buds).toMatchObject([{ label: 0, budOf: at(together, mother.x, mother.y).label }]);
    expect(together.cells.every(({ budOf }) => budOf === 0)).toBe(true);
    expectWellFormed(together);
  });

  test('flags what is wrong with planted cells', async () => {
    const odd: Record<string, PlantedCell> = {
      border: { x: 238, y: 170, radius: 10, level: 3500 },
      bright: { x: 30, y: 220, radius: 10, level: 9000 },
      ghost: { x: 80, y: 220, radius: 10, level: 500 },
      blurred: { x: 130, y: 222, radius: 10, level: 3500, blur: 3.5 },
      large: { x: 190, y: 230, radius: 19, level: 3500 },
    };
    const tall = 270;
    const found = await segmentField(plantedField(width, tall, [...cells, ...Object.values(odd)]));
    const flags = Object.fromEntries(
      Object.entries(odd).map(([name, { x, y }]) => [name, at(found, Math.min(x, 238), y).flags]),
    );
    expect(flags.border).toEqual(['border']);
    expect(flags.bright).toEqual(['dead']);
    expect(flags.ghost).toEqual(['dead']);
    expect(flags.blurred).toEqual(['out-of-focus']);
    expect(flags.large).toEqual(['merged']);
  });

  test('flags saturated cells, and says how much of the field is saturated', async () => {
    const marker = plantedField(width, height, cells);
    const { x, y } = cells[3] as PlantedCell;
    const data = Uint16Array.from(marker.data, (v) => Math.min(v, 4094));
    for (let dy = -3; dy <= 3; dy++) for (let dx = -3; dx <= 3; dx++) data[(y + dy) * width + x + dx] = 4095;
    const found = await segmentField({ width, height, data });
    expect(at(found, x, y).flags).toEqual(['saturated']);
    expect(found.cells.filter(({ flags }) => flags.includes('saturated'))).toHaveLength(1);
    expect(found.field.saturated).toBeCloseTo(49 / (width * height), 8);
  });

  test.each([
    ['one pixel', 1, 1],
    ['one row', 500, 1],
    ['one column', 1, 500],
    ['a small square', 9, 9],
  ])('finds nothing in %s', async (_, w, h) => {
    for (const value of [0, 7, 65535]) {
      const found = await segmentField({ width: w, height: h, data: new Uint16Array(w * h).fill(value) });
      expect(found).toMatchObject({ count: 0, cells: [], buds: [], field: { cells: 0, covered: 0, focus: 0 } });
    }
    const data = new Float32Array(w * h).fill(Number.NaN);
    data[0] = Number.POSITIVE_INFINITY;
    expect((await segmentField({ width: w, height: h, data }, { diameter: 20 })).count).toBe(0);
  });

  test('refuses planes and options that cannot be', async () => {
    const plane = { width: 2, height: 2, data: new Uint8Array(4) };
    const refused = { code: 'invalid-argument' };
    await expect(segmentField({ ...plane, width: 3 })).rejects.toMatchObject(refused);
    await expect(segmentField({ ...plane, width: 0, data: new Uint8Array(0) })).rejects.toMatchObject(refused);
    await expect(segmentField({ ...plane, width: 2.5 })).rejects.toMatchObject(refused);
    await expect(segmentField({ width: 1e5, height: 1e5, data: new Uint8Array(4) })).rejects.toMatchObject(refused);
    await expect(
      segmentField({ ...plane, data: new Float64Array(4) as unknown as Float32Array }),
    ).rejects.toMatchObject(refused);
    for (const diameter of [0, 1, -3, Number.NaN, Number.POSITIVE_INFINITY])
      await expect(segmentField(plane, { diameter })).rejects.toMatchObject(refused);
    await expect(segmentField(plane, { buds: 'both' as 'apart' })).rejects.toMatchObject(refused);
    await expect(segmentField(plane, { threads: -1 })).rejects.toMatchObject(refused);
  });

  test('stops when its signal fires, before and during the work', async () => {
    const marker = plantedField(width, height, cells);
    await expect(segmentField(marker, { signal: AbortSignal.abort() })).rejects.toMatchObject({ code: 'aborted' });
    const controller = new AbortController();
    const running = segmentField(marker, { signal: controller.signal });
    controller.abort();
    await expect(running).rejects.toMatchObject({ code: 'aborted' });
  });
});

describe('measureCells', () => {
  test('measures label images of others, also with numbers missing, in two channels', async () => {
    const marker = plantedField(width, height, cells);
    const labels = new Uint32Array(width * height);
    for (let y = 20; y < 30; y++) for (let x = 20; x < 40; x++) labels[y * width + x] = 3;
    labels[0] = 5;
    const protein = { width, height, data: new Float32Array(width * height).fill(12.5) };
    const { cells: measured, field } = await measureCells(labels, { marker, protein });
    expect(measured.map(({ label }) => label)).toEqual([3, 5]);
    expect(measured[0]).toMatchObject({ x: 29.5, y: 24.5, area: 200, solidity: 1, border: false });
    // A rectangle's second moments: axes of 4 sqrt(side^2 / 12).
    expect(measured[0]?.majorAxis).toBeCloseTo(4 * Math.sqrt(400 / 12), 6);
    expect(measured[0]?.minorAxis).toBeCloseTo(4 * Math.sqrt(100 / 12), 6);
    expect(measured[0]?.intensity.protein).toEqual({ mean: 12.5, integrated: 0, background: 12.5 });
    let sum = 0;
    for (let y = 20; y < 30; y++) for (let x = 20; x < 40; x++) sum += marker.data[y * width + x] as number;
    expect(measured[0]?.intensity.marker.mean).toBeCloseTo(sum / 200, 8);
    expect(measured[1]?.flags).toContain('border');
    expect(field.covered).toBe(201 / (width * height));
  });

  test('flags a cell whose outline lies on its neighbours', async () => {
    const labels = new Uint32Array(width * height);
    // Three squares side by side: of the middle one's 36 outline pixels 20 touch another, of each outer one's 10.
    for (let y = 50; y < 60; y++) for (let x = 50; x < 80; x++) labels[y * width + x] = 1 + Math.floor((x - 50) / 10);
    const { cells: measured } = await measureCells(labels, { marker: plantedField(width, height, cells) });
    expect(measured.map(({ contact }) => contact)).toEqual([10 / 36, 20 / 36, 10 / 36]);
    expect(measured.map(({ flags }) => flags.includes('overlapped'))).toEqual([false, true, false]);
  });

  test('refuses label images that do not fit', async () => {
    const marker = { width: 4, height: 4, data: new Uint8Array(16) };
    const refused = { code: 'invalid-argument' };
    await expect(measureCells(new Uint32Array(15), { marker })).rejects.toMatchObject(refused);
    await expect(measureCells(new Uint32Array(16).fill(2 ** 31), { marker })).rejects.toMatchObject(refused);
    const protein = { width: 2, height: 8, data: new Uint8Array(16) };
    await expect(measureCells(new Uint32Array(16), { marker, protein })).rejects.toMatchObject(refused);
  });
});
