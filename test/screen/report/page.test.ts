import { readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { type Browser, type BrowserContextOptions, type Page, chromium as playwright } from 'playwright-core';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { chromium } from '../../report/chromium';
import { temporaryFolder } from '../../temporary-folder';
import { type MadeWell, writeMadePictures, writeMadeReport } from './made-screen';

const folder = temporaryFolder();
const axe = createRequire(import.meta.url).resolve('axe-core/axe.min.js');

const hostile = [
  '<img src=x onerror="document.title=1">',
  '</script><script>document.title=2</script>',
  'constructor',
  '__proto__',
  'a"b\'c &amp; d',
  '100%25 #=&?',
  '\u202egnp',
  '',
];
const classes = ['nucleus', '<b>vacuole</b>', 'constructor', '__proto__'];

/** Two plates of 96 wells' places; every name that a person could give. */
const named: MadeWell[] = ['p<1>', 'p2'].flatMap((plate) =>
  hostile.map((protein, i) => ({
    ...{ plate, protein, cells: 25, class: i % classes.length },
    well: `${plate === 'p2' ? 'C' : 'A'}${String(i + 1).padStart(2, '0')}`,
    ...(i === 1 && { flags: ['few-cells', 'disagrees'] as const as never }),
    ...(i === 0 && { excluded: [[3, 'border'] as [number, string]] }),
  })),
);

describe('files', () => {
  test('the same screen gives the same bytes, and no file but those that are told', async () => {
    const options = { title: 'screen', classes, wells: named, seed: 1 };
    await writeMadeReport(folder.path('a'), options);
    await writeMadeReport(folder.path('b'), options);
    const list = (name: string) => readdirSync(folder.path(name), { recursive: true, encoding: 'utf8' }).sort();
    expect(list('a')).toEqual(list('b'));
    expect(list('a').filter((name) => name.endsWith('.js'))).toHaveLength(2 + named.length);
    for (const name of list('a').filter((name) => /\.(js|html)$/.test(name))) {
      expect(readFileSync(folder.path('b', name)).equals(readFileSync(folder.path('a', name))), name).toBe(true);
    }
    expect(readFileSync(folder.path('a', 'index.html'), 'utf8')).not.toMatch(/https?:\/\//);
  });
});

describe.skipIf(chromium === undefined)(
  'in Chromium (skipped without one; CHROMIUM names it)',
  { timeout: 120_000 },
  () => {
    let browser: Browser;
    beforeAll(async () => {
      browser = await playwright.launch({ executablePath: chromium as string, args: ['--no-sandbox'] });
    });
    afterAll(() => browser?.close());

    /** Opens a report; whatever goes wrong, is asked of another place, or pops up is gathered. */
    async function open(path: string, view = '', options: BrowserContextOptions = {}) {
      const page = await browser.newPage(options);
      const errors: string[] = [];
      const requests: string[] = [];
      page.on('pageerror', (error) => errors.push(String(error)));
      page.on('console', (message) => {
        if (message.type() === 'error') errors.push(message.text());
      });
      page.on('dialog', (dialog) => {
        errors.push(dialog.message());
        void dialog.dismiss();
      });
      page.on('request', (request) => {
        requests.push(request.url());
        if (!/^(file|data):/.test(request.url())) errors.push(request.url());
      });
      await page.goto(pathToFileURL(join(path, 'index.html')).href + view);
      await page.waitForSelector('html[data-ready]');
      return { page, errors, requests };
    }

    async function checkAccessibility(page: Page): Promise<void> {
      // Not added as a script: the page allows none but its own.
      await page.evaluate(readFileSync(axe, 'utf8'));
      const found = (await page.evaluate('axe.run(document)')) as {
        violations: { id: string; help: string; nodes: { html: string; failureSummary: string }[] }[];
      };
      const told = found.violations.map(({ id, help, nodes }) => [id, help, nodes[0]?.html, nodes[0]?.failureSummary]);
      expect(told).toEqual([]);
    }

    const go = async (page: Page, view: string) => {
      await page.evaluate(`location.hash = ${JSON.stringify(view)}`);
      await page.locator('#view [aria-busy]').waitFor({ state: 'detached' });
    };

    async function made() {
      const path = folder.path('report');
      const tables = await writeMadeReport(path, { title: 'Screen <1>', classes, wells: named, seed: 2 });
      for (const index of named.keys()) await writeMadePictures(path, `part-${index}`, 25, 16);
      return { path, ...tables };
    }

    test('shows any name as it is, on plates, in tables and beside cells', async () => {
      const { path, proteins } = await made();
      const { page, errors } = await open(path);
      const wells = page.locator('td.well');
      expect(await wells.count()).toBe(hostile.length);
      expect(await page.locator('[role=grid] tr').count()).toBe(9);
      expect(await page.locator('[role=grid] tr').nth(1).locator('td').count()).toBe(12);
      expect(await wells.nth(1).getAttribute('aria-label')).toContain(`A02: ${hostile[1]}, called ${classes[1]}`);
      expect(await page.locator('.legend button').allTextContents()).toEqual(
        classes.map((name) => expect.stringContaining(name)),
      );
      await page.getByLabel('Plate', { exact: true }).selectOption({ label: 'p2' });
      expect(await wells.first().getAttribute('aria-label')).toContain('C01: ');

      await go(page, '#proteins');
      const names = proteins.proteins.map(({ protein }) => protein);
      expect((await page.locator('tbody td:first-child').allTextContents()).sort()).toEqual(
        names.map((name) => (name === '' ? 'no name' : name)).sort(),
      );
      for (const [i, row] of proteins.proteins.entries()) {
        await go(page, '#proteins');
        await page.getByRole('searchbox').fill(row.protein);
        const shown = row.protein === '' ? 'no name' : row.protein;
        await page.locator('tbody').getByRole('link', { name: shown, exact: true }).first().click();
        await page.waitForSelector('.one');
        expect(await page.locator('h2').textContent(), String(i)).toBe(shown);
        expect(await page.locator('#view').textContent()).toContain(`Called ${row.predicted} with `);
        expect(await page.locator('.gallery-of-cells .found').textContent()).toBe('50 of 50 cells');
      }
      await go(page, '#look');
      expect(await page.locator('#view').textContent()).toContain('no TIFF <img>');
      expect(await page.locator('#view img').count()).toBe(0);
      expect(await page.title()).toBe('Worth a look - Screen <1>');
      expect(errors).toEqual([]);
      await page.close();
    });

    test('leads from a plate to a well, its fields, its cells and all that is known of one', async () => {
      const { path, rows } = await made();
      const { page, errors } = await open(path);
      // With the keyboard alone.
      await page.locator('td.well').first().focus();
      await page.keyboard.press('ArrowRight');
      await page.keyboard.press('End');
      await page.keyboard.press('ArrowLeft');
      expect(await page.evaluate('document.activeElement.getAttribute("aria-label")')).toContain('A07: ');
      expect(await page.locator('.told').textContent()).toContain('A07: ');
      await page.keyboard.press('Home');
      await page.keyboard.press('Enter');
      await page.waitForSelector('.one');
      expect(await page.evaluate('document.activeElement.textContent')).toBe('p<1>, A01');
      expect(await page.locator('#view').textContent()).toContain('25 cells, of which 1 are left out for a flag');
      expect(await page.locator('figure img').count()).toBe(2);
      const image = page.locator('figure img').first();
      const width = await image.evaluate(async (node) => {
        const picture = node as unknown as { decode(): Promise<void>; naturalWidth: number };
        await picture.decode();
        return picture.naturalWidth;
      });
      expect(width).toBe(320);

      // Sorted by the posterior of the class that was called; the one that was left out says why.
      const values = await page.locator('.one:not(.left-out) .caption').allTextContents();
      const numbers = values.map((text) => Number.parseFloat(text));
      expect(numbers).toEqual([...numbers].sort((a, b) => b - a));
      expect(await page.locator('.left-out .caption').allTextContents()).toEqual(['border']);
      await page.getByLabel('Cells', { exact: true }).selectOption('excluded');
      expect(await page.locator('.one').count()).toBe(1);

      await page.locator('.one').click();
      const dialog = page.locator('dialog[open]');
      expect(await dialog.locator('h3').textContent()).toBe('A01-3');
      // Its picture is the cell's: the fourth of the sheet, whose grey is 30.
      const picture = await sharp(await dialog.locator('.crop').screenshot())
        .raw()
        .toBuffer({ resolveWithObject: true });
      const { width: side, height, channels } = picture.info;
      expect(picture.data[(Math.floor(height / 2) * side + Math.floor(side / 2)) * channels]).toBeCloseTo(30, -1);
      expect(await dialog.locator('.bar').count()).toBe(classes.length);
      expect(await dialog.textContent()).toContain('Does not count for its protein: border.');
      await checkAccessibility(page);
      await page.keyboard.press('Escape');

      // Back to the plate; by another column the scale is that of the numbers.
      await page.goBack();
      await page.getByLabel('Colour by').selectOption('focus');
      const focus = rows.map((row) => row.focus as number);
      expect(await page.locator('.scale').textContent()).toBe(`${Math.min(...focus)}${Math.max(...focus)}`);
      await page.getByLabel('Colour by').selectOption('called');
      await page.getByRole('button', { name: 'nucleus' }).press('Enter');
      expect(await page.locator('td.well:not(.unknown)').count()).toBe(2);
      expect(await page.evaluate('document.activeElement.getAttribute("aria-pressed")')).toBe('true');
      expect(errors).toEqual([]);
      await page.close();
    });

    test.each(['light', 'dark'] as const)('has no fault that axe finds, %s, and fits a phone', async (colorScheme) => {
      const { path } = await made();
      const { page, errors } = await open(path, '', { colorScheme });
      for (const view of [
        '#plates',
        '#proteins',
        '#look',
        '#numbers',
        '#well=part-0',
        '#protein=constructor',
        '#well=none',
      ]) {
        await go(page, view);
        await checkAccessibility(page);
        await page.setViewportSize({ width: 380, height: 800 });
        expect(await page.evaluate('document.documentElement.scrollWidth'), view).toBeLessThanOrEqual(380);
        await page.setViewportSize({ width: 1280, height: 800 });
      }
      for (const measure of ['cells', 'flags', 'class 1']) {
        await go(page, '#plates');
        await page.getByLabel('Colour by').selectOption(measure);
        await checkAccessibility(page);
      }
      expect(errors).toEqual([]);
      await page.close();
    });

    test('holds 6,000 proteins on plates of 1,536 wells, and loads the cells that are looked at', async () => {
      const path = folder.path('large');
      const letters = (row: number) => (row < 26 ? '' : 'A') + String.fromCharCode(65 + (row % 26));
      // Four proteins a well; the last 36 wells hold the first proteins again.
      const wells = Array.from({ length: 1536 }, (_, i): MadeWell => {
        const fieldProteins = [0, 1, 2, 3].map((field) => `Y${(4 * i + field) % 6000}`);
        return {
          plate: 'plate',
          well: `${letters(Math.floor(i / 48))}${String(1 + (i % 48)).padStart(2, '0')}`,
          ...{ protein: fieldProteins[0] as string, fieldProteins, class: i % classes.length, cells: 16 },
        };
      });
      const { proteins } = await writeMadeReport(path, { title: 'large', classes, wells, seed: 3, pictures: false });
      const { page, errors, requests } = await open(path);
      expect(await page.locator('td.well').count()).toBe(1536);
      await checkAccessibility(page);
      expect(requests.filter((url) => url.includes('/parts/'))).toEqual([]);

      await go(page, '#proteins');
      expect(await page.locator('tbody tr').count()).toBe(50);
      expect(await page.locator('.found').textContent()).toBe('1 to 50 of 6000, page 1 of 120');
      await page.getByRole('button', { name: 'share', exact: true }).click();
      const shares = proteins.proteins.map((row) => Math.round(1000 * Math.max(...row.mode))).sort((a, b) => b - a);
      expect(await page.locator('tbody td:nth-child(3)').allTextContents()).toEqual(
        shares.slice(0, 50).map((share) => `${(share / 10).toFixed(1)}%`),
      );
      await page.getByRole('button', { name: 'Next page' }).click();
      expect(await page.locator('tbody td:nth-child(3)').first().textContent()).toBe(
        `${((shares[50] as number) / 10).toFixed(1)}%`,
      );
      await page.getByRole('searchbox').fill('y14');
      expect(await page.locator('.found').textContent()).toMatch(/^1 to 50 of 111,/);
      await page.getByRole('searchbox').fill('Y141');
      await page.getByRole('link', { name: 'Y141', exact: true }).click();
      await page.waitForSelector('.one');
      expect(await page.locator('.one').count()).toBe(8);
      expect(requests.filter((url) => url.includes('/parts/')).length).toBe(2);
      expect(errors).toEqual([]);
      await page.close();
    });
  },
);
