import { readFileSync } from 'node:fs';
import sharp from 'sharp';
import { expect, test } from 'vitest';
import { drawOverlay, type OverlayCell, writeOverlay } from '../../src/fields/overlay';
import type { Plane } from '../../src/fields/plane';
import { temporaryFolder } from '../temporary-folder';

const folder = temporaryFolder();
const width = 60;
const height = 40;

/** Two squares of 15 pixels with their upper left corners at (5, 10) and (30, 10). */
const labels = new Uint32Array(width * height);
for (const [label, left] of [
  [1, 5],
  [2, 30],
] as const)
  for (let y = 10; y < 25; y++) labels.fill(label, y * width + left, y * width + left + 15);
const marker: Plane = { width, height, data: Uint16Array.from(labels, (label) => (label === 0 ? 100 : 60000)) };

const cell = (label: number, x: number, change: Partial<OverlayCell> = {}): OverlayCell => ({
  ...{ label, number: label, x, y: 17, border: false, budOf: 0, flags: [] },
  ...change,
});

function colourAt({ pixels }: { pixels: Uint8Array }, x: number, y: number): number[] {
  return [...pixels.subarray((y * width + x) * 3, (y * width + x) * 3 + 3)];
}

test('outlines tell good cells, cells at the border and flagged cells apart', () => {
  const colours = [
    cell(1, 12),
    cell(1, 12, { border: true, flags: ['border'] }),
    cell(1, 12, { flags: ['border', 'dead'] }),
  ].map((first) => colourAt(drawOverlay(marker, labels, [first, cell(2, 37)]), 5, 10));
  expect(new Set(colours.map(String)).size).toBe(3);
  for (const colour of colours) expect(new Set(colour).size).toBeGreaterThan(1);
  const picture = drawOverlay(marker, labels, [cell(1, 12)]);
  // Black background, white cells; a label without a row has no outline.
  expect(colourAt(picture, 0, 0)).toEqual([0, 0, 0]);
  expect(colourAt(picture, 6, 11)).toEqual([255, 255, 255]);
  expect(colourAt(picture, 30, 10)).toEqual([255, 255, 255]);
});

test('a line leads from a bud to its mother', () => {
  const picture = drawOverlay(marker, labels, [cell(1, 12, { budOf: 2, number: 0 }), cell(2, 37)]);
  expect(colourAt(picture, 24, 17)).toEqual([0, 230, 230]);
});

test('numbers at the edge of the field are cut, not an error', async () => {
  await writeOverlay(folder.path('a.png'), marker, labels, [
    cell(1, 0, { y: 0, number: 123456 }),
    cell(2, 59, { y: 39 }),
  ]);
  expect(await sharp(readFileSync(folder.path('a.png'))).metadata()).toMatchObject({ width, height, format: 'png' });
});
