import { expect, test } from 'vitest';
import { intensityBaseline } from '../../../src/evaluation/intensity-baseline';
import { DatasetWriter, defaultNormalization, simulate } from '../../../src/index';
import { RandomStream } from '../../../src/random';
import { temporaryFolder } from '../../temporary-folder';

const folder = temporaryFolder();

test('brightness does not tell the classes of the default screen apart', async () => {
  const screen = await simulate({ out: folder.path('screen'), cells: 3000, seed: 11 });
  const { cells, accuracy } = await intensityBaseline(screen.train, screen.test);
  expect(cells).toBe(screen.test.count);
  // Chance is 1 in 12, the largest class a tenth.
  expect(accuracy).toBeGreaterThan(0.1);
  expect(accuracy).toBeLessThan(0.35);
});

test('the baseline learns what brightness does tell', async () => {
  const random = new RandomStream(3, 'simulation', 0, 0);
  const write = async (name: string) => {
    const writer = await DatasetWriter.create(folder.path(name), {
      classes: ['dark', 'bright', 'grainy'],
      channels: ['rfp', 'gfp'],
      size: 8,
      normalization: defaultNormalization,
      provenance: null,
    });
    for (let i = 0; i < 90; i++) {
      const label = i % 3;
      const image = Uint8Array.from({ length: 128 }, (_, at) => {
        const spread = label === 2 ? 60 : 10;
        return [60, 180, 120][label]! + spread * (random.uniform(i * 128 + at) - 0.5);
      });
      const cell = { cell: `${i}`, label, protein: `${i}`, plate: '', well: '', field: '', x: '', y: '', source: '' };
      await writer.append(image, cell);
    }
    return writer.commit();
  };
  const [training, held] = [await write('a'), await write('b')];
  expect(await intensityBaseline(training, held)).toEqual({ cells: 90, correct: 90, accuracy: 1 });
  const screen = await simulate({ out: folder.path('screen'), cells: 50, proteins: 36 });
  await expect(intensityBaseline(training, screen.test)).rejects.toMatchObject({ code: 'invalid-argument' });
});
