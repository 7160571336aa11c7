import { readFile, writeFile } from 'node:fs/promises';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { DeepYeastError } from '../../../src/errors';
import { type CaffeImportOptions, importCaffe, readMeanImage } from '../../../src/network/exchange/caffe';
import { temporaryFolder } from '../../temporary-folder';
import { expectedOutputs, fixture, fixtureImages, predictWith, relativeError } from './fixture';

const folder = temporaryFolder();
const options: CaffeImportOptions = {
  classes: ['a', 'b', 'c'],
  prototxt: fixture('caffe.prototxt'),
  mean: fixture('mean.binaryproto'),
};

test('a network of Caffe computes what NumPy computes from the same blobs', async () => {
  const model = await importCaffe(fixture('caffe.caffemodel'), options);
  expect(model.topology).toMatchObject({
    imageSize: 16,
    channels: 2,
    blocks: [[4], [6]],
    dense: [8],
    dropout: 0.3,
    normalizationEpsilon: 0.001,
  });
  expect(model.inputTransform?.scale).toBeCloseTo(0.0125, 9);
  const found = await predictWith(model, folder.path('imported.safetensors'), await fixtureImages());
  const outputs = await expectedOutputs('caffe');
  expect(relativeError(found.logits, outputs.logits)).toBeLessThan(1e-5);
  expect(relativeError(found.posteriors, outputs.posteriors)).toBeLessThan(1e-5);
});

test('a deploy net is read as well', async () => {
  const training = await readFile(options.prototxt, 'utf8');
  const deploy = training
    .slice(training.indexOf('layer {\n  name: "conv1"'))
    .replace(/layer \{ name: "accuracy"[\s\S]*/, 'layer { name: "prob" type: "Softmax" bottom: "ip2" top: "prob" }\n');
  for (const input of [
    'layer { name: "data" type: "Input" top: "data" input_param { shape: { dim: 1 dim: 2 dim: 16 dim: 16 } } }\n',
    'input: "data"\ninput_dim: 1\ninput_dim: 2\ninput_dim: 16\ninput_dim: 16\n',
  ]) {
    await writeFile(folder.path('deploy.prototxt'), `name: "small"\n${input}${deploy}`);
    const model = await importCaffe(fixture('caffe.caffemodel'), {
      ...options,
      prototxt: folder.path('deploy.prototxt'),
      scale: 0.0125,
    });
    const found = await predictWith(model, folder.path('imported.safetensors'), await fixtureImages());
    expect(relativeError(found.logits, (await expectedOutputs('caffe')).logits)).toBeLessThan(1e-5);
  }
});

const code = (work: Promise<unknown>) =>
  work.then(
    () => 'no error',
    (error) => (error instanceof DeepYeastError ? `${error.code}: ${error.message}` : `${error}`),
  );

test.each([
  ['caffe-missing.caffemodel', /no weights of the layer conv2/],
  ['caffe-wrong-shape.caffemodel', /conv2 takes 5 inputs, but the layer before it gives 4/],
  ['other.h5', /cannot be decoded|has no layers/],
])('%s is refused with the reason', async (file, reason) => {
  const found = await code(importCaffe(fixture(file), options));
  expect(found).toMatch(/^foreign-model-invalid: /);
  expect(found).toMatch(reason);
});

test.each([
  ['type: "ReLU" bottom: "conv1"', 'type: "PReLU" bottom: "conv1"', /relu1 of the type PReLU/],
  ['pool: MAX kernel_size: 2', 'pool: AVE kernel_size: 2', /pool1 with pool 1; expected 0/],
  ['kernel_size: 2 stride: 2', 'kernel_size: 3 stride: 2', /pool1 with kernel 3; expected 2/],
  ['pad: 1 kernel_size: 3', 'kernel_size: 3', /conv1 with pad 0; expected 1/],
  ['bottom: "scale2" top: "relu2"', 'bottom: "conv2" top: "relu2"', /no chain of layers: relu2 takes conv2/],
  ['eps: 0.001', 'eps: 0.1', /different epsilons \(0.1, 0.001\)/],
  ['layer { name: "relu1"', 'layer { nome: "relu1"', /is no Caffe prototxt/],
  ['num_output: 4', 'num_output: 5', /has 4 outputs in conv1; the prototxt says 5/],
  ['num_output: 4', 'dilation: 2 num_output: 4', /conv1 with dilation 2; expected 1/],
  ['num_output: 4', 'group: 2 num_output: 4', /conv1 with group 2; expected 1/],
  ['bias_term: false', 'bias_term: true', /holds 1 arrays of the layer conv2; its settings ask for 2/],
  ['scale_param { bias_term: true }', 'scale_param { axis: 2 bias_term: true }', /scale1 with axis 2; expected 1/],
  ['eps: 0.001', 'use_global_stats: false eps: 0.001', /bn1 with use_global_stats false; expected true/],
  ['num_output: 8', 'num_output: 8 transpose: true', /ip1 with transpose true; expected false/],
  ['engine: CAFFE', 'negative_slope: 0.1', /relu2 with negative_slope 0.1\d*; expected 0/],
  ['pool: MAX kernel_size: 2', 'pool: MAX pad: 1 kernel_size: 2', /pool1 with pad 1; expected 0/],
  ['include { phase: TEST }', 'include { stage: "val" }', /for some stages or levels only/],
  ['type: "ReLU" bottom: "conv1"', 'type: "Softmax" bottom: "conv1"', /pool1 follows the softmax|follows the softmax/],
  ['type: "Convolution" bottom: "pool1"', 'type: "Deconvolution" bottom: "pool1"', /conv2 of the type/],
])('a prototxt with %j made %j is refused', async (from, to, reason) => {
  const prototxt = folder.path('other.prototxt');
  const before = await readFile(options.prototxt, 'utf8');
  expect(before).toContain(from);
  await writeFile(prototxt, before.replace(from, to));
  const found = await code(importCaffe(fixture('caffe.caffemodel'), { ...options, prototxt }));
  expect(found).toMatch(/^foreign-model-invalid: /);
  expect(found).toMatch(reason);
});

test.each([
  [18, 2, /takes images of 18 x 18 pixels, which its 2 pools do not halve/],
  [32, 2, /ip1 has 96 inputs, which images of 32 pixels/],
  [16, 3, /takes images of 3 channels, but its first convolution conv1 takes 2/],
])('a deploy net for %d x %<s x %d is refused', async (size, channels, reason) => {
  const training = await readFile(options.prototxt, 'utf8');
  const deploy = training
    .slice(training.indexOf('layer {\n  name: "conv1"'))
    .replace(/layer \{ name: "accuracy"[\s\S]*/, '');
  const prototxt = folder.path('deploy.prototxt');
  await writeFile(
    prototxt,
    `input: "data"\n${[1, channels, size, size].map((n) => `input_dim: ${n}\n`).join('')}${deploy}`,
  );
  expect(await code(importCaffe(fixture('caffe.caffemodel'), { ...options, prototxt, mean: 100 }))).toMatch(reason);
});

test.each([
  ['scale: 0.0125', 'scale: 0.0125 crop_size: 12', /is for images of 16 x 16 pixels; expected 12 x 12/],
  ['scale: 0.0125', 'scale: 0.0125 force_gray: true', /force_gray true/],
  ['batch_size: 100 backend', 'mirror: true batch_size: 100 backend', /mirror in data_param of cells/],
])('a data layer with %j made %j is refused', async (from, to, reason) => {
  const prototxt = folder.path('data.prototxt');
  await writeFile(prototxt, (await readFile(options.prototxt, 'utf8')).replaceAll(from, to));
  expect(await code(importCaffe(fixture('caffe.caffemodel'), { ...options, prototxt }))).toMatch(reason);
});

test('the mean image is asked for where the prototxt names one, and must fit', async () => {
  const { mean: _, ...without } = options;
  expect(await code(importCaffe(fixture('caffe.caffemodel'), without))).toMatch(
    /^invalid-argument: .*mean\.binaryproto/,
  );
  const image = await readMeanImage(fixture('mean.binaryproto'));
  expect(image).toMatchObject({ size: 16, channels: 2 });
  expect(image.values).toHaveLength(16 * 16 * 2);
  expect(await code(readMeanImage(fixture('caffe.caffemodel')))).toMatch(/^foreign-model-invalid: /);
});

test('files with changed or missing bytes are read or refused, never more', async () => {
  const original = await readFile(fixture('caffe.caffemodel'));
  const path = folder.path('changed.caffemodel');
  const change = fc.record({ at: fc.nat(original.length - 1), value: fc.nat(255) });
  await fc.assert(
    fc.asyncProperty(
      fc.array(change, { maxLength: 12 }),
      fc.integer({ min: 0, max: original.length }),
      async (changes, length) => {
        const bytes = Buffer.from(original);
        for (const { at, value } of changes) bytes[at] = value;
        await writeFile(path, changes.length > 0 ? bytes : bytes.subarray(0, length));
        expect(await code(importCaffe(path, options))).toMatch(/^(no error|foreign-model-invalid: )/);
      },
    ),
    { numRuns: 60, seed: 1 },
  );
});
