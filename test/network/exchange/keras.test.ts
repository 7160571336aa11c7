import { readFile, writeFile } from 'node:fs/promises';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { DeepYeastError } from '../../../src/errors';
import { readCheckpoint } from '../../../src/network';
import { importKeras, type KerasImportOptions } from '../../../src/network/exchange/keras';
import { temporaryFolder } from '../../temporary-folder';
import { expectedOutputs, fixture, fixtureImages, predictWith, relativeError } from './fixture';

const folder = temporaryFolder();
const options: KerasImportOptions = { classes: ['a', 'b', 'c'] };

describe('a network of Keras 2 computes what NumPy computes from the same arrays', () => {
  test.each([
    ['keras-weights', 'keras-weights', 1e-3],
    // layer_names in three pieces
    ['keras-weights-split', 'keras-weights', 1e-3],
    // the whole model says another epsilon and the dropout
    ['keras-model', 'keras-model', 0.02],
    // no normalization after some layers, no gamma in others, newer HDF5 structures
    ['keras-sequential', 'keras-sequential', 1e-3],
  ])('%s.h5', async (file, expected, epsilon) => {
    const model = await importKeras(fixture(`${file}.h5`), options);
    expect(model.topology).toMatchObject({
      imageSize: 16,
      channels: 2,
      blocks: [[4, 5], [6]],
      dense: [8],
      dropout: file.startsWith('keras-weights') ? 0.5 : 0.4,
      normalizationEpsilon: epsilon,
    });
    const found = await predictWith(model, folder.path('imported.safetensors'), await fixtureImages());
    const outputs = await expectedOutputs(expected);
    expect(relativeError(found.logits, outputs.logits)).toBeLessThan(1e-5);
    expect(relativeError(found.posteriors, outputs.posteriors)).toBeLessThan(1e-5);
  });
});

test('pixels go from -1 to 1, and the model says where it comes from', async () => {
  const model = await importKeras(fixture('keras-weights.h5'), { ...options, channels: ['mCherry', 'GFP'] });
  expect(model.inputTransform).toMatchObject({ scale: 1 / 127.5, channels: ['mCherry', 'GFP'] });
  expect(new Set(model.inputTransform?.mean)).toEqual(new Set([127.5]));
  await predictWith(model, folder.path('model.safetensors'), await fixtureImages());
  const { about } = await readCheckpoint(folder.path('model.safetensors'));
  expect(about?.source).toMatchObject({ format: 'Keras 2 HDF5 (weights)', file: 'keras-weights.h5' });
  expect(about?.source?.sha256).toMatch(/^[0-9a-f]{64}$/);
});

const code = (work: Promise<unknown>) =>
  work.then(
    () => 'no error',
    (error) => (error instanceof DeepYeastError ? `${error.code}: ${error.message}` : `${error}`),
  );

test.each([
  ['keras-wrong-shape.h5', /conv1_2 takes 3 inputs, but the layer before it gives 4/],
  ['keras-kernel-5x5.h5', /kernel \[5, 5, 4, 5\] in conv1_2; expected \[3, 3, inputs, outputs\]/],
  ['keras-unknown-layer.h5', /layer relu1_1 of the kind LeakyReLU/],
  ['keras-branched.h5', /no chain of layers: pool1 takes conv1_1 after relu1_2/],
  ['keras-theano.h5', /backend theano/],
  ['other.h5', /no layer_names/],
  ['images.npy', /no HDF5 file that can be read/],
])('%s is refused with the reason', async (file, reason) => {
  const found = await code(importKeras(fixture(file), options));
  expect(found).toMatch(/^foreign-model-invalid: /);
  expect(found).toMatch(reason);
});

test('classes that do not fit and files that are not there have codes of their own', async () => {
  expect(await code(importKeras(fixture('keras-weights.h5')))).toMatch(/^invalid-argument: .* has 3 classes/);
  expect(await code(importKeras(fixture('keras-weights.h5'), { classes: ['a'] }))).toMatch(/^invalid-argument: /);
  expect(await code(importKeras(folder.path('absent.h5')))).toMatch(/^io-error: /);
});

test('a file cut short at any byte is refused', async () => {
  const bytes = await readFile(fixture('keras-weights.h5'));
  const path = folder.path('cut.h5');
  for (let length = 0; length < bytes.length - 1; length += 4999) {
    await writeFile(path, bytes.subarray(0, length));
    expect(await code(importKeras(path, options)), `${length} bytes`).toMatch(/^foreign-model-invalid: /);
  }
});

test('a file with changed bytes is read or refused, never more', async () => {
  const original = await readFile(fixture('keras-weights.h5'));
  const path = folder.path('changed.h5');
  const change = fc.record({ at: fc.nat(original.length - 1), value: fc.nat(255) });
  await fc.assert(
    fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 12 }), async (changes) => {
      const bytes = Buffer.from(original);
      for (const { at, value } of changes) bytes[at] = value;
      await writeFile(path, bytes);
      expect(await code(importKeras(path, options))).toMatch(/^(no error|foreign-model-invalid: |invalid-argument: )/);
    }),
    { numRuns: 30, seed: 1 },
  );
});
