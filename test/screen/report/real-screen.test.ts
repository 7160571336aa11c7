import { pathToFileURL } from 'node:url';
import { chromium as playwright } from 'playwright-core';
import { expect, test } from 'vitest';
import { runScreen } from '../../../src/index';
import { chromium } from '../../report/chromium';
import { temporaryFolder } from '../../temporary-folder';
import { plantScreen } from '../planted-screen';

const folder = temporaryFolder();

test.skipIf(chromium === undefined)(
  'the report of a screen that was run shows its wells with the pictures of the shards (skipped without Chromium)',
  async () => {
    const screen = await plantScreen(folder);
    const { wells, proteins, cells } = await runScreen(screen.options('out'));
    const browser = await playwright.launch({ executablePath: chromium as string, args: ['--no-sandbox'] });
    try {
      const page = await browser.newPage();
      const errors: string[] = [];
      page.on('requestfailed', (request) => errors.push(request.url()));
      page.on('pageerror', (error) => errors.push(String(error)));
      await page.goto(pathToFileURL(folder.path('out', 'report', 'index.html')).href);
      await page.waitForSelector('html[data-ready]');
      expect(await page.locator('td.well').count()).toBe(wells.length);
      expect(await page.locator('.numbers dd').allTextContents()).toEqual(
        [proteins.proteins.length, wells.length, 12, cells].map(String).concat([expect.any(String)]),
      );
      await page.locator('td.well').first().click();
      await page.waitForSelector('.one');
      expect(await page.locator('.one').count()).toBe(wells[0]?.cells);
      const pictures = page.locator('figure img');
      expect(await pictures.count()).toBe(2);
      for (const picture of await pictures.all()) {
        const width = await picture.evaluate(async (node) => {
          const image = node as unknown as { decode(): Promise<void>; naturalWidth: number };
          await image.decode();
          return image.naturalWidth;
        });
        expect(width).toBeGreaterThan(100);
      }
      expect(errors).toEqual([]);
    } finally {
      await browser.close();
    }
  },
  120_000,
);
