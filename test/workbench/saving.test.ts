import { existsSync } from 'node:fs';
import { expect, it } from 'vitest';
import { Dataset } from '../../src/index';
import { Labels } from '../../src/workbench/labels';
import { saveDataset } from '../../src/workbench/saving';
import { madeCells, writeMadeDataset } from '../small-model';
import { temporaryFolder } from '../temporary-folder';

const folder = temporaryFolder();
const classes = ['er', 'golgi', 'nucleus'];

it('saves the cells that have a class, with their own pixels, rows and labels', async () => {
  // More than are read at once, and every fifth without a class.
  const cells = madeCells(1400, classes.length).map((cell, i) => (i % 5 === 2 ? { ...cell, label: -1 } : cell));
  writeMadeDataset(folder.path('data'), cells, classes);
  const dataset = await Dataset.open(folder.path('data'));
  const count = await saveDataset(folder.path('out'), dataset, new Labels(dataset.labels, classes));
  const kept = [...dataset.labels.keys()].filter((row) => (dataset.labels[row] as number) >= 0);
  expect(count).toBe(kept.length);
  const saved = await Dataset.open(folder.path('out'));
  expect(saved.classes).toEqual(classes);
  const [before, after] = [await dataset.table(), await saved.table()];
  expect(after).toEqual(kept.map((row) => before[row]));
  const pixels = await saved.readImages(Uint32Array.from(kept, (_, i) => i));
  expect(pixels).toEqual(await dataset.readImages(Uint32Array.from(kept)));
});

it('leaves nothing behind where no cell has a class', async () => {
  writeMadeDataset(folder.path('data'), [{}, {}], classes);
  const dataset = await Dataset.open(folder.path('data'));
  const saved = saveDataset(folder.path('out'), dataset, new Labels(dataset.labels, classes));
  await expect(saved).rejects.toMatchObject({ code: 'labels-invalid' });
  expect(existsSync(folder.path('out'))).toBe(false);
});
