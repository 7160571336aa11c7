import { createHash } from 'node:crypto';
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { beforeEach, describe, expect, test } from 'vitest';
import { readCheckpoint, writeModel } from '../../src/network';
import { fixture } from '../network/exchange/fixture';
import { smallNetwork } from '../small-model';
import { temporaryFolder } from '../temporary-folder';
import { run } from './in-process';

const folder = temporaryFolder();
const path = (name: string) => folder.path(name);

beforeEach(async () => {
  const network = await smallNetwork(['a', 'b', 'c']);
  await network.save(path('plain.safetensors'));
  await network.close();
  const model = await readCheckpoint(path('plain.safetensors'));
  await writeModel(path('model.safetensors'), {
    ...model,
    iteration: 1200,
    metrics: { accuracy: 0.9 },
    about: { licence: 'MIT', authors: ['A. Author'], citations: [{ text: 'A paper', doi: '10.1/x' }] },
  });
});

describe('model show', () => {
  test('layers, shapes, parameters, classes, provenance, metrics, licence', async () => {
    const { status, stdout } = await run('model', 'show', path('model.safetensors'));
    expect(status).toBe(0);
    const lines = stdout.split('\n').map((line) => line.trim().split(/ {2,}/).join(' | '));
    const sha256 = createHash('sha256')
      .update(readFileSync(path('model.safetensors')))
      .digest('hex');
    expect(lines[0]).toContain(`SHA-256 ${sha256}`);
    expect(lines).toContain('licence | MIT');
    expect(lines).toContain('cite | A paper, 10.1/x');
    expect(lines).toContain('classes | 3: a, b, c');
    expect(lines).toContain('trained for | 1,200 iterations');
    expect(lines).toContain('metrics | {"accuracy":0.9}');
    expect(lines).toContain('transform | (pixel - mean) x 0.025, mean 80');
    expect(lines).toContain('conv1_1 | convolution | 16 x 16 x 8 | 8 x 3 x 3 x 2 | 160');
    expect(lines).toContain('conv2_1 | convolution | 8 x 8 x 16 | 16 x 3 x 3 x 8 | 1,184');
    expect(lines).toContain('fc2 | dense | 3 | 3 x 16 | 51');
    // 160 + 1184 + (16 x 256 + 2 x 16) + 51
    expect(lines).toContain('parameters | 5,523');
  });

  test('as JSON', async () => {
    const { stdout } = await run('model', 'show', path('model.safetensors'), '--json');
    expect(JSON.parse(stdout)).toMatchObject({
      classes: ['a', 'b', 'c'],
      parameters: 5523,
      iteration: 1200,
      metrics: { accuracy: 0.9 },
      about: { licence: 'MIT' },
      input: { channels: ['rfp', 'gfp'], intensities: 'none (8-bit pixels as they are)' },
    });
  });

  test('a file that is no model ends with status 3', async () => {
    writeFileSync(path('other.safetensors'), 'no model');
    expect(await run('model', 'show', path('other.safetensors'))).toMatchObject({ status: 3, stdout: '' });
  });
});

describe('model import', () => {
  test('Keras', async () => {
    const { status, stderr } = await run(
      ...['model', 'import', fixture('keras-weights.h5'), '--classes', 'a,b,c', '--channels', 'red,green'],
      ...['--licence', 'MIT', '--out', path('keras.safetensors')],
    );
    expect({ status, stderr }).toMatchObject({ status: 0 });
    expect(stderr).toContain(path('keras.safetensors'));
    const model = await readCheckpoint(path('keras.safetensors'));
    expect(model).toMatchObject({ classes: ['a', 'b', 'c'], about: { licence: 'MIT' } });
    expect(model.inputTransform?.channels).toEqual(['red', 'green']);
  });

  test('Caffe, with a table of classes', async () => {
    writeFileSync(path('classes.txt'), 'label;label_idx\na;0\nb;1\nc;2\n');
    const { status, stdout } = await run(
      ...['model', 'import', fixture('caffe.caffemodel'), '--prototxt', fixture('caffe.prototxt'), '--json'],
      ...['--mean', fixture('mean.binaryproto'), '--classes', path('classes.txt'), '--out', path('caffe.safetensors')],
    );
    expect(status).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ classes: ['a', 'b', 'c'], about: { source: { format: 'Caffe' } } });
  });

  test.each([
    [['--classes', 'a,b'], 2, /has 3 classes/],
    [['--classes', 'a,b,c', '--mean', 'grey'], 2, /--mean is "grey"/],
    [['--classes', 'a,b,c', '--format', 'caffe'], 2, /--prototxt/],
  ])('%j is wrong usage', async (options, status, message) => {
    const found = await run('model', 'import', fixture('keras-weights.h5'), ...options, '--out', path('x.safetensors'));
    expect(found.status).toBe(status);
    expect(found.stderr).toMatch(message);
    expect(existsSync(path('x.safetensors'))).toBe(false);
  });

  test('a network of another kind ends with status 3', async () => {
    const options = ['--classes', 'a,b,c', '--out', path('x.safetensors')];
    expect(await run('model', 'import', fixture('keras-unknown-layer.h5'), ...options)).toMatchObject({ status: 3 });
    expect(existsSync(path('x.safetensors'))).toBe(false);
  });
});

describe('model export', () => {
  test('ONNX with layers as outputs', async () => {
    const { status, stdout } = await run(
      ...['model', 'export', path('model.safetensors'), '--out', path('model.onnx'), '--json'],
      ...['--batch-norm', 'folded', '--outputs', 'fc1,conv1_1:pooled', '--opset', '15'],
    );
    expect(status).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({
      opset: 15,
      batchNorm: 'folded',
      inputs: [{ name: 'cells', shape: [16, 16, 2], type: 'uint8' }],
      outputs: [
        { name: 'posteriors', shape: [3] },
        { name: 'fc1', shape: [16] },
        { name: 'conv1_1_pooled', shape: [8, 8, 8] },
      ],
    });
    expect(existsSync(path('model.onnx'))).toBe(true);
  });

  test('a model file with weights in half precision', async () => {
    const args = ['model', 'export', path('model.safetensors'), '--out', path('half.safetensors')];
    const { status, stdout, stderr } = await run(...args, '--weights', 'float16', '--json');
    expect(status, stderr).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ weights: 'float16', bytes: statSync(path('half.safetensors')).size });
    expect(await run('model', 'show', path('half.safetensors'))).toMatchObject({ status: 0 });
  });

  test('a package for the zoo, by the licence and authors of the model', async () => {
    const { status, stderr } = await run('model', 'export', path('model.safetensors'), '--out', path('model.zip'));
    expect(status).toBe(0);
    expect(stderr).toContain('weights.onnx');
    expect(existsSync(path('model.zip'))).toBe(true);
  });

  test.each([
    [['--outputs', 'conv7_1'], /conv7_1 is no layer/],
    [['--outputs', 'fc1:middle'], /LAYER:STAGE/],
    [['--opset', '8'], /from 9 to 21/],
  ])('%j is wrong usage', async (options, message) => {
    const found = await run('model', 'export', path('model.safetensors'), '--out', path('model.onnx'), ...options);
    expect(found.status).toBe(2);
    expect(found.stderr).toMatch(message);
    expect(existsSync(path('model.onnx'))).toBe(false);
  });
});
