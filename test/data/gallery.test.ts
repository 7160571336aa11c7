import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Dataset, writeGallery } from '../../src/index';
import { run } from '../cli/in-process';
import { madeCells, smallSize, writeMadeDataset } from '../small-model';

const classes = ['nucleus', 'never seen', 'Class 3'];
let folder: string;
const at = (name: string) => join(folder, name);
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'gallery-'));
  // Labels 0 and 2 only; every seventh cell has none.
  const cells = madeCells(40, 2).map(({ label = 0, ...cell }, i) =>
    i % 7 === 0 ? cell : { ...cell, label: 2 * label },
  );
  writeMadeDataset(at('data'), cells, classes);
});
afterAll(() => rmSync(folder, { recursive: true }));

test('shows cells of every class that has some, the crops that it says, bit by bit', async () => {
  const dataset = await Dataset.open(at('data'));
  const shown = await writeGallery(dataset, at('a.png'), { cellsPerClass: 3, seed: 5 });
  expect(shown.map(({ name, shown: cells }) => [name, cells.length])).toEqual([
    ['nucleus', 3],
    ['never seen', 0],
    ['Class 3', 3],
  ]);
  const { data, info } = await sharp(at('a.png')).removeAlpha().raw().toBuffer({ resolveWithObject: true });
  // Panels: 12 pixels between them and around, a caption of 24, crops at eight times their size with 2 between them.
  const zoom = 8;
  const tile = smallSize * zoom;
  for (const [panel, { shown: cells }] of [shown[0]!, shown[2]!].entries()) {
    for (const [i, cell] of cells.entries()) {
      expect(dataset.labels[cell]).toBe(2 * panel);
      const crop = await dataset.readImages(Uint32Array.of(cell));
      const left = 12 + panel * (3 * (tile + 2) + 12) + i * (tile + 2);
      for (let y = 0; y < smallSize; y++) {
        for (let x = 0; x < smallSize; x++) {
          const from = ((12 + 24 + y * zoom + 3) * info.width + left + x * zoom + 3) * 3;
          const pixel = 2 * (y * smallSize + x);
          expect([...data.subarray(from, from + 3)]).toEqual([crop[pixel], crop[pixel + 1], 0]);
        }
      }
    }
  }
  expect(new Set(shown.flatMap(({ shown: cells }) => cells)).size).toBe(6);
  const again = await writeGallery(dataset, at('b.png'), { cellsPerClass: 3, seed: 5 });
  expect(again).toEqual(shown);
  expect(await writeGallery(dataset, at('c.png'), { cellsPerClass: 3, seed: 6 })).not.toEqual(shown);
});

test('deepyeast gallery prints what it shows; without labels it says so', async () => {
  const found = await run('gallery', at('data'), '--out', at('d.png'), '--cells', '30');
  expect(found).toMatchObject({ status: 0 });
  expect(found.stdout).toMatch(/^nucleus +17 +17$/m);
  expect((await sharp(at('d.png')).metadata()).format).toBe('png');
  writeMadeDataset(at('bare'), [{}, {}], classes);
  expect((await run('gallery', at('bare'), '--out', at('e.png'))).stderr).toContain('has no labelled cell');
});
