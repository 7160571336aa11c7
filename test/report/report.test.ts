import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { chromium as playwright } from 'playwright-core';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Report } from '../../src/evaluation';
import { run } from '../cli/in-process';
import { madeCells, smallNetwork, writeMadeDataset } from '../small-model';
import { chromium } from './chromium';

const classes = ['nucleus', 'vacuole', 'er <b>'];
let folder: string;
let page: string;
let metrics: Report;
let stdout: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'report-'));
  const at = (name: string) => join(folder, name);
  // Every sixth crop is marked as none.
  const cells = madeCells(60, 3).map((cell, i) => ({ ...cell, quality: i % 6 === 0 ? 'empty' : 'cell' }));
  writeMadeDataset(at('data'), cells, classes);
  const network = await smallNetwork(classes);
  await network.save(at('model.safetensors'));
  await network.close();
  const model = ['--model', at('model.safetensors')];
  const small = ['--cells', '40', '--embedded', '30', '--gabor', '0', '--layers', 'conv2_1,fc1', '--no-umap'];
  expect((await run('explain', ...model, '--data', at('data'), ...small, '--out', at('explained'))).status).toBe(0);
  expect((await run('calibrate', ...model, '--validation', at('data'), '--out', at('calibrated'))).status).toBe(0);
  const succeed = async (...argv: string[]) => expect(await run(...argv)).toMatchObject({ status: 0 });
  const features = ['--features', at('features')];
  await succeed('features', ...model, '--data', at('data'), '--layer', 'fc1', '--out', at('features'));
  await succeed('forest', 'train', ...features, '--trees', '20', '--out', at('forest.safetensors'));
  await succeed(
    ...['forest', 'predict', '--forest', at('forest.safetensors'), ...features, '--with', 'label,plate,well,field'],
    ...['--out', at('forest.csv')],
  );
  await succeed('evaluate', ...model, '--data', at('data'), '--bootstrap', '0', '--out', at('evaluated'));
  const tables = [at('evaluated/predictions.csv'), at('forest.csv')];
  await succeed('compare', ...tables, '--names', 'network,forest', '--data', at('data'), '--out', at('compared'));
  const quick = ['--folds', '2', '--trees', '10', '--predictions', at('forest.csv')];
  for (const [name, perClass] of [
    ['quality-a', '5'],
    ['quality-b', '10'],
  ] as const) {
    const detector = ['quality', 'train', '--data', at('data'), ...features, ...quick];
    await succeed(...detector, '--per-class', perClass, '--out', at(name));
  }
  await succeed('quality', 'score', '--detector', at('quality-b'), ...features, '--out', at('scores.csv'));
  await succeed(
    ...['quality', 'filter', '--data', at('data'), '--scores', at('scores.csv'), '--detector', at('quality-b')],
    ...['--predictions', at('forest.csv'), '--out', at('good'), '--report', at('quality-b/filter.json')],
  );
  const parts = ['--training', at('data'), '--validation', at('data'), '--test', at('data')];
  await succeed('transfer', ...model, ...parts, '--sizes', '1,5', '--draws', '2', '--out', at('transferred'));
  writeFileSync(
    at('paper.json'),
    JSON.stringify([{ quantity: 'two compartments', paper: '21 of 24', here: '1 of 2', note: 'planted' }]),
  );
  page = at('report.html');
  const sections = [
    ...['--explained', at('explained'), '--calibrated', at('calibrated'), '--compared', at('compared')],
    ...['--transfer', at('transferred'), '--paper', at('paper.json')],
    ...['--quality', at('quality-a'), at('quality-b')],
  ];
  const made = await run(
    ...['report', at('model.safetensors'), '--data', at('data'), '--bootstrap', '50'],
    ...[...sections, '--out', page],
  );
  expect(made.stderr).not.toContain('error [');
  stdout = made.stdout;
  metrics = JSON.parse(readFileSync(at('report-files/metrics.json'), 'utf8'));
}, 300_000);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test('prints the scores; the page is one light file without addresses', () => {
  expect(stdout).toMatch(/cells +\d+\.\d% +60/);
  expect(statSync(page).size).toBeLessThan(5e6);
  const html = readFileSync(page, 'utf8');
  // Names of XML vocabularies are no addresses that anybody asks for.
  const urls = html.match(/(?:src|href|url\()\s*=?\s*["'(]?https?:[^"')\s]*/g) ?? [];
  expect(urls).toEqual([]);
});

test('every figure is there as SVG, PNG and CSV', async () => {
  const files = readdirSync(join(folder, 'report-files'));
  const names = [...new Set(files.filter((name) => name.endsWith('.svg')).map((name) => name.slice(0, -4)))];
  expect(names.sort()).toEqual(
    [
      ...['comparison', 'confusion', 'embedding-conv2-1', 'embedding-fc1', 'embedding-transfer', 'information'],
      ...['learning-curve', 'recall-precision', 'reliability'],
    ].sort(),
  );
  for (const name of names) {
    const { width = 0, height = 0 } = await sharp(join(folder, 'report-files', `${name}.png`)).metadata();
    expect(Math.min(width, height)).toBeGreaterThan(100);
    const rows = readFileSync(join(folder, 'report-files', `${name}.csv`), 'utf8')
      .trim()
      .split('\n');
    expect(rows.length).toBeGreaterThan(3);
    expect(readFileSync(join(folder, 'report-files', `${name}.svg`), 'utf8')).not.toContain('currentColor');
  }
});

describe.skipIf(chromium === undefined)('in Chromium (skipped without one; CHROMIUM names it)', () => {
  test('runs without errors, shows the numbers of metrics.json, sorts, and opens a cell', async () => {
    const browser = await playwright.launch({ executablePath: chromium as string, args: ['--no-sandbox'] });
    try {
      const tab = await browser.newPage({ colorScheme: 'dark' });
      const errors: string[] = [];
      tab.on('pageerror', (error) => errors.push(String(error)));
      tab.on('console', (message) => {
        if (message.type() === 'error') errors.push(message.text());
      });
      tab.on('request', (request) => {
        if (!/^(file|data):/.test(request.url())) errors.push(request.url());
      });
      await tab.goto(pathToFileURL(page).href);
      await tab.waitForSelector('html[data-ready]');
      expect(errors).toEqual([]);

      const shown = await tab.$$eval('[data-metric]', (nodes) =>
        nodes.map((node) => ({
          key: node.getAttribute('data-metric') ?? '',
          exact: Number(node.getAttribute('data-exact')),
          text: node.textContent,
        })),
      );
      const expected: Record<string, number | null> = {
        'cells.accuracy': metrics.cells.accuracy,
        'proteins.accuracy': metrics.proteins.accuracy,
        'medianRecall.value': metrics.medianRecall.value,
        'medianPrecision.value': metrics.medianPrecision.value,
        'macroRecall.value': metrics.macroRecall.value,
      };
      for (const [key, value] of Object.entries(expected)) {
        const item = shown.find((entry) => entry.key === key);
        expect(item?.exact, key).toBe(value);
        expect(item?.text, key).toBe(`${(100 * (value as number)).toFixed(1)}%`);
      }
      const table = tab.locator('#classes table').first();
      const column = (n: number) => table.locator(`tbody tr td:nth-child(${n})`).allTextContents();
      expect(await column(1)).toEqual(classes);
      expect(await column(4)).toEqual(metrics.classes.map(({ support }) => String(support)));

      const recall = table.locator('th').nth(1);
      await recall.locator('button').focus();
      await tab.keyboard.press('Enter');
      expect(await recall.getAttribute('aria-sort')).toBe('ascending');
      const values = metrics.classes.map((row) => row.recall as number).sort((a, b) => a - b);
      expect(await column(2)).toEqual(values.map((value) => `${(100 * value).toFixed(1)}%`));
      await recall.locator('button').click();
      expect(await recall.getAttribute('aria-sort')).toBe('descending');
      expect(await column(2)).toEqual(values.reverse().map((value) => `${(100 * value).toFixed(1)}%`));

      // The sections of the other analyses hold what those wrote.
      const read = (name: string) => JSON.parse(readFileSync(join(folder, name), 'utf8'));
      const percent = (value: number) => `${(100 * value).toFixed(1)}%`;
      const rowsOf = async (selector: string) => {
        const rows = await tab.locator(`${selector} tbody tr`).all();
        return Promise.all(rows.map((row) => row.locator('td').allTextContents()));
      };
      const { models } = read('compared/comparison.json');
      expect((await rowsOf('#comparison table:first-of-type')).slice(0, 2).map((row) => row.slice(0, 2))).toEqual(
        models.map(({ name, accuracy }: { name: string; accuracy: number }) => [name, percent(accuracy)]),
      );
      const quality = await tab.locator('#quality').textContent();
      for (const name of ['quality-a', 'quality-b']) {
        const { good, nonCells, scores } = read(`${name}/quality.json`);
        expect(quality).toContain(`${good} good cells and ${nonCells} non-cells`);
        expect(quality).toContain(`curve ${scores.areaUnderRoc.toFixed(3)}`);
      }
      const { removed, cells, models: filtered } = read('quality-b/filter.json');
      expect(quality).toContain(`${removed} of ${cells} cells of the filtered dataset are below 0.5`);
      expect((await rowsOf('#quality')).at(-1)?.slice(0, 2)).toEqual([filtered[0].name, percent(filtered[0].before)]);
      const { curve } = read('transferred/transfer.json');
      expect((await rowsOf('#transfer')).map((row) => row[3])).toEqual(
        curve.map(({ mean }: { mean: number }) => percent(mean)),
      );
      expect(await rowsOf('#paper')).toEqual([['two compartments', '21 of 24', '1 of 2', 'planted']]);

      const cell = tab.locator('button.cell').first();
      expect(
        await cell.locator('img').evaluate((image) => (image as unknown as { naturalWidth: number }).naturalWidth),
      ).toBe(16);
      await cell.click();
      const dialog = tab.locator('dialog[open]');
      expect(await dialog.locator('.bars .bar').count()).toBe(classes.length);
      expect(await dialog.locator('.near img').count()).toBe(5);
      await tab.keyboard.press('Escape');
      expect(await tab.locator('dialog[open]').count()).toBe(0);

      const widths = await tab.$$eval('img[src]', (images) =>
        images.map((image) => (image as unknown as { naturalWidth: number }).naturalWidth),
      );
      expect(widths.length).toBeGreaterThan(20);
      expect(Math.min(...widths)).toBeGreaterThan(0);
      // Figures have a name, images a text, and nothing is wider than a phone's page.
      expect(await tab.locator('figure svg:not([aria-label])').count()).toBe(0);
      expect(await tab.locator('img:not([alt])').count()).toBe(0);
      await tab.setViewportSize({ width: 380, height: 800 });
      expect(await tab.evaluate('document.documentElement.scrollWidth')).toBeLessThanOrEqual(380);
      expect(errors).toEqual([]);
    } finally {
      await browser.close();
    }
  });
});
