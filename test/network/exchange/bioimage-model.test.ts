import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import * as ort from 'onnxruntime-web';
import sharp from 'sharp';
import { beforeAll, beforeEach, expect, test } from 'vitest';
import { parse } from 'yaml';
import { Dataset } from '../../../src/data/dataset';
import { extractArchive } from '../../../src/download/extract';
import { DeepYeastError } from '../../../src/errors';
import { parseNpyHeader } from '../../../src/files/npy';
import { type BioimageOptions, exportBioimageModel } from '../../../src/network/exchange/bioimage-model';
import { madeCells, smallNetwork, writeMadeDataset } from '../../small-model';
import { temporaryFolder } from '../../temporary-folder';
import { relativeError } from './fixture';

const folder = temporaryFolder();
const classes = ['nuclear periphery', 'er', '2nd er'];
const options: BioimageOptions = { licence: 'MIT', authors: [{ name: 'A. Author' }] };

beforeAll(() => {
  ort.env.wasm.numThreads = 1;
  ort.env.logLevel = 'error';
});
beforeEach(async () => {
  const network = await smallNetwork(classes);
  await network.save(folder.path('model.safetensors'));
  await network.close();
});

const exported = (more: BioimageOptions = {}) =>
  exportBioimageModel(folder.path('model.safetensors'), folder.path('model.zip'), { ...options, ...more });

function npy(name: string): { dtype: string; shape: number[]; values: Float32Array } {
  const bytes = readFileSync(folder.path('package', name));
  const { dtype, shape, dataOffset } = parseNpyHeader(bytes, name);
  return { dtype, shape, values: new Float32Array(Uint8Array.from(bytes.subarray(dataOffset)).buffer) };
}

// The rules of bioimageio.spec's ModelDescr 0.5 for the fields that are used.
const identifier = /^[A-Za-z_]\w*$/;
const tensorId = /^[a-z_][a-z0-9_]*$/;

test('the package follows the rules of the model description 0.5', async () => {
  writeMadeDataset(folder.path('data'), madeCells(9, 3), classes);
  await exported({ data: await Dataset.open(folder.path('data')), name: 'Small yeast (test)' });
  await extractArchive(folder.path('model.zip'), folder.path('package'));
  const rdf = parse(readFileSync(folder.path('package/rdf.yaml'), 'utf8'));
  expect(rdf).toMatchObject({ type: 'model', format_version: '0.5.3', license: 'MIT', name: 'Small yeast (test)' });
  expect(rdf.name).toMatch(/^[A-Za-z0-9_\- ()]{5,128}$/);
  expect(rdf.description.length).toBeLessThanOrEqual(1024);
  expect(rdf.authors).toEqual([{ name: 'A. Author' }]);
  for (const { text, doi, url } of rdf.cite) {
    expect(text).not.toBe('');
    expect(doi ?? url).toBeDefined();
  }
  expect(rdf.documentation).toMatch(/\.md$/);
  expect(readFileSync(folder.path('package', rdf.documentation), 'utf8')).toMatch(/^#+ Validation$/m);

  for (const [role, tensor] of [
    ...rdf.inputs.map((t: object) => ['in', t]),
    ...rdf.outputs.map((t: object) => ['out', t]),
  ]) {
    expect(tensor.id).toMatch(tensorId);
    expect(tensor.description.length).toBeLessThanOrEqual(128);
    const { dtype, shape, values } = npy(tensor.test_tensor.source);
    expect(dtype).toBe('<f4');
    expect(tensor.data.type).toBe('float32');
    expect(shape).toHaveLength(tensor.axes.length);
    expect(tensor.axes.filter(({ type }: { type: string }) => type === 'batch')).toHaveLength(1);
    const ids = tensor.axes.map((axis: { id?: string; type: string }) => axis.id ?? axis.type);
    expect(new Set(ids).size).toBe(ids.length);
    for (const [i, axis] of tensor.axes.entries()) {
      if (axis.type === 'space') expect(shape[i]).toBe(axis.size);
      if (axis.type !== 'channel') continue;
      expect(shape[i]).toBe(axis.channel_names.length);
      for (const name of axis.channel_names) expect(name).toMatch(identifier);
    }
    // Values too small to compare are refused by the zoo, as are those outside of the range.
    expect(Math.max(...values)).toBeGreaterThan(1e-4);
    const [least, most] = tensor.data.range;
    expect(
      values.every((value) => value >= least && value <= most),
      role,
    ).toBe(true);
  }
  expect(rdf.outputs[0].axes[1].channel_names).toEqual(['nuclear_periphery', 'er', '_2nd_er']);
  expect(rdf.weights.onnx.opset_version).toBeGreaterThanOrEqual(7);
  expect(rdf.config.bioimageio.reproducibility_tolerance).toHaveLength(1);
  expect(rdf.config.deepyeast.classes).toEqual(classes);

  const hashed = [rdf.weights.onnx, ...[...rdf.inputs, ...rdf.outputs].map(({ test_tensor }) => test_tensor)];
  for (const { source, sha256 } of hashed) {
    const bytes = readFileSync(folder.path('package', source));
    expect(createHash('sha256').update(bytes).digest('hex')).toBe(sha256);
  }
  const cover = await sharp(folder.path('package', rdf.covers[0])).metadata();
  expect(cover).toMatchObject({ format: 'png', width: 512, height: 256 });
});

test('its weights give its test output for its test input, within its tolerance', async () => {
  for (const batchNorm of ['kept', 'folded'] as const) {
    await exported({ batchNorm });
    await extractArchive(folder.path('model.zip'), folder.path('package'));
    const input = npy('test_input.npy');
    const session = await ort.InferenceSession.create(readFileSync(folder.path('package/weights.onnx')));
    const { posteriors } = await session.run({ cells: new ort.Tensor('float32', input.values, input.shape) });
    expect(relativeError(posteriors!.data as Float32Array, npy('test_output.npy').values)).toBeLessThan(1e-4);
    await session.release();
    const { rmSync } = await import('node:fs');
    rmSync(folder.path('package'), { recursive: true });
  }
});

test('the same model makes the same package', async () => {
  await exported();
  const first = readFileSync(folder.path('model.zip'));
  await exported();
  expect(readFileSync(folder.path('model.zip')).equals(first)).toBe(true);
});

test.each<[string, BioimageOptions, RegExp]>([
  ['no licence', { licence: undefined as never }, /licence is not given/],
  ['a licence in words', { licence: 'ask me' }, /licence is "ask me"/],
  ['no author', { authors: [] }, /no author/],
  ['a name that the zoo refuses', { name: 'DeepYeast: new!' }, /letters, digits/],
])('%s is refused', async (_, more, message) => {
  const failure = await exported(more).catch((error) => error);
  expect(failure).toBeInstanceOf(DeepYeastError);
  expect(failure.code).toBe('invalid-argument');
  expect(failure.message).toMatch(message);
});
