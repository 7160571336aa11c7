import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { defaultNormalization } from '../../src/data/normalization';
import { readNpyHeader } from '../../src/files/npy';
import { RandomStream } from '../../src/random';
import { smallNetwork, smallSize } from '../small-model';
import { run } from './in-process';

const classes = ['nucleus', 'vacuole', 'er'];
let folder: string;
let pictures: string;
let model: string;
let imported: string;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'cli-images-'));
  pictures = join(folder, 'pictures');
  const noise = new RandomStream(6, 'simulation', 0, 0);
  for (let i = 0; i < 24; i++) {
    const path = join(pictures, classes[i % 3] as string);
    mkdirSync(path, { recursive: true });
    const rgb = Uint8Array.from({ length: 3 * smallSize ** 2 }, (_, at) => 256 * noise.uniform(1000 * i + at));
    await sharp(rgb, { raw: { width: smallSize, height: smallSize, channels: 3 } }).toFile(join(path, `${i}.png`));
  }
  model = join(folder, 'model.safetensors');
  const network = await smallNetwork(classes, { normalization: defaultNormalization });
  await network.save(model);
  await network.close();
  imported = join(folder, 'imported');
  const made = await run('import', pictures, '--out', imported, '--rule-from', model, '--size', String(smallSize));
  expect(made.stderr).not.toContain('error');
});
afterAll(() => rmSync(folder, { recursive: true }));

const text = (...path: string[]) => readFileSync(join(folder, ...path), 'utf8');

/** A folder with one image that cannot be read among the others. */
function withBroken(name: string): string {
  const path = join(folder, name);
  for (const of of classes) {
    mkdirSync(join(path, of), { recursive: true });
    for (const file of readdirSync(join(pictures, of))) {
      writeFileSync(join(path, of, file), readFileSync(join(pictures, of, file)));
    }
  }
  writeFileSync(join(path, 'er', '2.png'), 'no image');
  return path;
}

describe('images instead of a dataset give what their import by the model’s rule gives', () => {
  test('evaluate', async () => {
    for (const [data, out] of [
      [pictures, 'from-images'],
      [imported, 'from-dataset'],
    ] as const) {
      const found = await run('evaluate', '--model', model, '--data', data, '--out', join(folder, out));
      expect(found.status, found.stderr).toBe(0);
    }
    expect(text('from-images', 'predictions.csv')).toBe(text('from-dataset', 'predictions.csv'));
    const [images, dataset] = ['from-images', 'from-dataset'].map((name) => JSON.parse(text(name, 'metrics.json')));
    expect(images.cells.count).toBe(24);
    expect({ ...images, data: null }).toEqual({ ...dataset, data: null });
  });

  test('features', async () => {
    const pattern = ['--pattern', '{class}/*'];
    for (const [data, out] of [
      [pictures, 'features-images'],
      [imported, 'features-dataset'],
    ] as const) {
      const argv = ['features', '--model', model, '--data', data, '--layer', 'conv1_1', ...pattern];
      const found = await run(...argv, '--summary', 'both', '--out', join(folder, out));
      expect(found.status, found.stderr).toBe(0);
    }
    const array = (name: string) => readFileSync(join(folder, name, 'features.npy'));
    expect(array('features-images').equals(array('features-dataset'))).toBe(true);
    expect(text('features-images', 'cells.csv')).toBe(text('features-dataset', 'cells.csv'));
    expect(JSON.parse(text('features-images', 'features.json')).classes).toEqual(
      JSON.parse(text('features-dataset', 'features.json')).classes,
    );
  });

  test('an image that cannot be read is left out of array, cells and scores alike: status 5', async () => {
    const path = withBroken('broken');
    const skip = ['--model', model, '--data', path, '--pattern', '{class}/*', '--on-error', 'skip'];
    const features = join(folder, 'features-skip');
    const found = await run('features', ...skip, '--layer', 'fc1', '--out', features);
    expect(found.status).toBe(5);
    expect(found.stderr).toMatch(/er\/2\.png/);
    expect(await readNpyHeader(join(features, 'features.npy'))).toMatchObject({ shape: [23, 16] });
    const { dataOffset, fileSize } = await readNpyHeader(join(features, 'features.npy'));
    expect(fileSize - dataOffset).toBe(23 * 16 * 4);
    expect(text('features-skip', 'cells.csv').trimEnd().split('\n')).toHaveLength(24);
    const results = join(folder, 'results-skip');
    expect((await run('evaluate', ...skip, '--out', results)).status).toBe(5);
    const metrics = JSON.parse(text('results-skip', 'metrics.json'));
    expect(metrics.cells.count).toBe(23);
    expect(metrics.skipped).toMatchObject([{ path: 'er/2.png' }]);
  });

  test('without skipping it stops, and nothing is left', async () => {
    const path = withBroken('stops');
    const argv = ['--model', model, '--data', path, '--pattern', '{class}/*', '--out', join(folder, 'none')];
    expect((await run('features', ...argv, '--layer', 'fc1')).status).toBe(3);
    expect((await run('evaluate', ...argv)).status).toBe(3);
    expect(readdirSync(folder)).not.toContain('none');
  });
});
