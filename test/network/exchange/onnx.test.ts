import { readFile } from 'node:fs/promises';
import * as ort from 'onnxruntime-web';
import { beforeAll, describe, expect, test } from 'vitest';
import { DeepYeastError } from '../../../src/errors';
import { depths, Network, readCheckpoint } from '../../../src/network';
import { exportOnnx, type OnnxOptions, onnxModel, opsets } from '../../../src/network/exchange/onnx';
import { RandomStream } from '../../../src/random';
import { temporaryFolder } from '../../temporary-folder';
import { relativeError } from './fixture';

// ONNX Runtime, compiled to WebAssembly, is the judge.
beforeAll(() => {
  ort.env.wasm.numThreads = 1;
  ort.env.logLevel = 'error';
});

const folder = temporaryFolder();
const classes = ['a', 'b', 'c', 'd'];

function randomCells(count: number, bytes: number): Uint8Array {
  const stream = new RandomStream(11, 'simulation', 0, 0);
  return Uint8Array.from({ length: count * bytes }, (_, i) => stream.word(i) >>> 24);
}

/** A network whose normalizations are all but trivial, in the file `model.safetensors`. */
async function makeModel(options: { size: number; blocks: number[][]; dense: number[]; channels: number }) {
  const network = await Network.create({ ...options, classes, seed: 4, threads: 1 });
  const stream = new RandomStream(5, 'simulation', 0, 1);
  let at = 0;
  for (const { name, shape } of network.native.tensors) {
    if (name.endsWith('.weight')) continue;
    const positive = /gamma|variance/.test(name);
    const values = Float32Array.from({ length: shape[0] as number }, () => {
      const value = stream.normal(at++);
      return positive ? 0.3 + Math.abs(value) : 0.5 * value;
    });
    await network.native.setTensor(name, values);
  }
  const { size, channels } = options;
  const mean = Float32Array.from({ length: size * size * channels }, (_, i) => 90 + (i % 37));
  const names = ['red', 'green', 'blue'].slice(0, channels);
  await network.setInputTransform({ mean, scale: 1 / 50, channels: names, normalization: { rule: 'none' } });
  const path = folder.path('model.safetensors');
  await network.save(path);
  return { network, path };
}

async function runOnnx(bytes: Uint8Array, cells: ort.Tensor): Promise<Record<string, Float32Array>> {
  const session = await ort.InferenceSession.create(bytes);
  const results = await session.run({ cells });
  await session.release();
  return Object.fromEntries(Object.entries(results).map(([name, { data }]) => [name, data as Float32Array]));
}

describe.each([
  ['two blocks', { size: 16, blocks: [[6, 5], [7]], dense: [9, 8], channels: 2 }],
  ['no hidden dense layer', { size: 8, blocks: [[4]], dense: [], channels: 3 }],
  ['the shape of the 13-layer preset, thinner', thin(13)],
])('%s', (_, shape) => {
  test('posteriors and every layer at every stage are those of the network, kept and folded', async () => {
    const { network, path } = await makeModel(shape);
    const { size, channels } = shape;
    const pixels = randomCells(3, size * size * channels);
    const cells = new ort.Tensor('uint8', pixels, [3, size, size, channels]);
    const layers = layerList(shape);
    const last = layers.at(-1)!;
    try {
      const { posteriors } = await network.predict(pixels);
      for (const batchNorm of ['kept', 'folded'] as const) {
        const outputs = layers.flatMap((layer) =>
          (['linear', 'normalized', 'activated', 'pooled'] as const)
            .filter((stage) => stage !== 'pooled' || isPooled(layer, shape.blocks))
            .filter((stage) => layer !== last || stage === 'activated')
            .filter((stage) => stage !== 'linear' || batchNorm === 'kept')
            .map((stage) => ({ layer, stage })),
        );
        const { bytes, description } = await onnxModel(await readCheckpoint(path), { batchNorm, outputs });
        const found = await runOnnx(bytes, cells);
        expect(Object.keys(found)).toHaveLength(outputs.length + 1);
        expect(description.outputs.map(({ name }) => name).sort()).toEqual(Object.keys(found).sort());
        expect(relativeError(found.posteriors!, posteriors)).toBeLessThan(1e-4);
        for (const { layer, stage } of outputs) {
          const name = stage === 'activated' ? layer : `${layer}_${stage}`;
          for await (const { values } of network.activations(pixels, layer, { stage })) {
            expect(relativeError(found[name]!, values), `${batchNorm} ${name}`).toBeLessThan(1e-4);
          }
          expect(description.outputs.find((output) => output.name === name)?.shape).toEqual(
            network.activationShape(layer, stage),
          );
        }
      }
    } finally {
      await network.close();
    }
  });
});

function thin(depth: 13) {
  const { blocks, dense } = depths[depth];
  const narrow = (width: number) => width / 32;
  return { size: 32, blocks: blocks.map((widths) => widths.map(narrow)), dense: dense.map(narrow), channels: 2 };
}

function layerList({ blocks, dense }: { blocks: number[][]; dense: number[] }): string[] {
  return [
    ...blocks.flatMap((widths, block) => widths.map((_, i) => `conv${block + 1}_${i + 1}`)),
    ...[...dense, 0].map((_, i) => `fc${i + 1}`),
  ];
}

function isPooled(layer: string, blocks: number[][]): boolean {
  return blocks.some((widths, block) => layer === `conv${block + 1}_${widths.length}`);
}

test('every operator set gives the same, from bytes and from floats', async () => {
  const { network, path } = await makeModel({ size: 8, blocks: [[4], [5]], dense: [6], channels: 2 });
  const pixels = randomCells(2, 8 * 8 * 2);
  const { posteriors } = await network.predict(pixels);
  await network.close();
  const model = await readCheckpoint(path);
  for (const opset of opsets) {
    for (const input of ['uint8', 'float32'] as const) {
      const { bytes } = await onnxModel(model, { opset, input });
      const values = input === 'uint8' ? pixels : Float32Array.from(pixels);
      const found = await runOnnx(bytes, new ort.Tensor(input, values as Uint8Array, [2, 8, 8, 2]));
      expect(relativeError(found.posteriors!, posteriors), `${opset} ${input}`).toBeLessThan(1e-4);
    }
  }
});

test('the file is written whole; the same model makes the same bytes', async () => {
  const { network, path } = await makeModel({ size: 8, blocks: [[4]], dense: [6], channels: 2 });
  await network.close();
  await exportOnnx(path, folder.path('a.onnx'));
  await exportOnnx(path, folder.path('b.onnx'));
  expect(await readFile(folder.path('a.onnx'))).toEqual(await readFile(folder.path('b.onnx')));
});

test.each<[string, OnnxOptions, RegExp]>([
  ['an unknown layer', { outputs: [{ layer: 'conv9_1' }] }, /conv9_1 is no layer of this model; expected conv1_1/],
  ['a stage that folding removes', { batchNorm: 'folded', outputs: [{ layer: 'fc1', stage: 'linear' }] }, /linear/],
  ['a pool that is not there', { outputs: [{ layer: 'fc1', stage: 'pooled' }] }, /not followed by a pool/],
  ['an operator set that is not written', { opset: 8 }, /operator set is 8; expected 9 to 21/],
])('%s is refused', async (_, options, message) => {
  const { network, path } = await makeModel({ size: 8, blocks: [[4]], dense: [6], channels: 2 });
  await network.close();
  const failure = await onnxModel(await readCheckpoint(path), options).catch((error) => error);
  expect(failure).toBeInstanceOf(DeepYeastError);
  expect(failure.code).toBe('invalid-argument');
  expect(failure.message).toMatch(message);
});
