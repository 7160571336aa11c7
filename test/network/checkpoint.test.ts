import { execFileSync } from 'node:child_process';
import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DeepYeastError, exportSafetensors, recipes, writeModel } from '../../src/index';
import { Network, readCheckpoint, readCheckpointDescription, topologyOf, writeCheckpoint } from '../../src/network';
import { tensorsOf } from '../../src/network/tensors';
import { RandomStream } from '../../src/random';

const small = { classes: ['nucleus', 'vacuole', 'er'], size: 8, blocks: [[4], [4]], dense: [8], seed: 5, threads: 1 };

let folder: string;
let network: Network;
let model: string;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'deepyeast-checkpoint-'));
  model = join(folder, 'model.safetensors');
  network = await Network.create(small);
  const noise = new RandomStream(1, 'simulation', 0, 0);
  await network.setInputTransform({
    mean: Float32Array.from({ length: 8 * 8 * 2 }, (_, i) => 255 * noise.uniform(i)),
    scale: 0.5,
    channels: ['rfp', 'gfp'],
    normalization: { rule: 'bit-depth', bits: 12 },
  });
  for (const { name, shape, trainable } of network.native.tensors) {
    if (!trainable) continue;
    const count = shape.reduce((product, extent) => product * extent, 1);
    const values = Float32Array.from({ length: count }, (_, i) => noise.normal(i));
    await network.native.setTensor(`velocity/${name}`, values);
  }
  await writeCheckpoint(model, network, {
    recipe: recipes.paper,
    iteration: 17,
    metrics: { loss: 0.1 + 0.2 },
    training: { best: null },
    momentum: true,
  });
});
afterAll(async () => {
  await network.close();
  rmSync(folder, { recursive: true, force: true });
});

describe('tensorsOf', () => {
  it.each([
    { classes: 12 },
    { classes: 4, depth: 5 as const, channels: 1 },
    { classes: 3, depth: 13 as const, size: 32 },
    { classes: 1, size: 4, blocks: [[3, 2]], dense: [], channels: 8 },
  ])('names the tensors of the native core, %j', async (options) => {
    const topology = topologyOf(options);
    const classes = Array.from({ length: options.classes }, (_, i) => `class${i}`);
    await using made = await Network.create({ ...options, classes });
    expect(made.native.tensors).toEqual(tensorsOf(topology));
  });
});

describe('a checkpoint', () => {
  it('loads tensors of more than one piece', async () => {
    // fc1.weight: 32 x 32 x 3 inputs, 600 units, 7.4 MB.
    await using wide = await Network.create({ classes: ['a', 'b'], blocks: [[3]], dense: [600], seed: 5 });
    const path = join(folder, 'wide.safetensors');
    await wide.save(path);
    await using loaded = await Network.load(path);
    for (const { name } of wide.native.tensors) {
      const [saved, read] = [await wide.native.tensor(name), await loaded.native.tensor(name)];
      expect(Buffer.from(read.buffer).equals(Buffer.from(saved.buffer)), name).toBe(true);
    }
  });

  it('holds the whole model', async () => {
    const { tensors, inputTransform, ...description } = await readCheckpoint(model, { momentum: true });
    expect(description).toEqual({
      classes: small.classes,
      topology: network.topology,
      seed: 5,
      recipe: recipes.paper,
      iteration: 17,
      metrics: { loss: 0.1 + 0.2 },
      training: { best: null },
    });
    expect(inputTransform).toEqual(network.inputTransform);
    expect(tensors.size).toBe(17 + 11);
    for (const [name, { values }] of tensors) expect(values, name).toEqual(await network.native.tensor(name));
    expect(await readCheckpointDescription(model)).toMatchObject({ iteration: 17, classes: small.classes });
  });

  it('leaves the momentum on the disk unless asked', async () => {
    const { tensors } = await readCheckpoint(model);
    expect([...tensors.keys()]).toEqual(network.native.tensors.map(({ name }) => name));
  });

  it('makes a network that answers bit for bit as before', async () => {
    const pixels = Uint8Array.from({ length: 5 * 8 * 8 * 2 }, (_, i) => (37 * i) % 256);
    await using loaded = await Network.load(model, { threads: 2 });
    expect((await loaded.predict(pixels)).logits).toEqual((await network.predict(pixels)).logits);
    expect(loaded.classes).toEqual(network.classes);
    expect(loaded.seed).toBe(5);
    const again = join(folder, 'again.safetensors');
    await loaded.save(again);
    const first = join(folder, 'first.safetensors');
    await network.save(first);
    expect(readFileSync(again).equals(readFileSync(first))).toBe(true);
  });

  it('is written atomically over an older one', async () => {
    const path = join(folder, 'twice.safetensors');
    writeFileSync(path, 'an older file');
    await network.save(path);
    expect((await readCheckpointDescription(path)).seed).toBe(5);
    await expect(network.save(join(folder, 'none', 'model.safetensors'))).rejects.toMatchObject({ code: 'io-error' });
    expect(readdirSync(folder).filter((name) => name.includes('.tmp-'))).toEqual([]);
  });

  it('may lack an input transform', async () => {
    const path = join(folder, 'plain.safetensors');
    await using plain = await Network.create(small);
    await plain.save(path);
    expect((await readCheckpoint(path)).inputTransform).toBeUndefined();
    await expect(readCheckpoint(path, { momentum: true })).rejects.toThrow(/no tensor velocity\/conv1_1\.weight/);
  });

  it('holds its weights in half the bytes, and a network computes in float32 with them', async () => {
    const out = join(folder, 'half.safetensors');
    const exported = await exportSafetensors(model, out, { weights: 'float16' });
    const before = await readCheckpoint(model);
    const after = await readCheckpoint(out);
    const weights = [...before.tensors].filter(([name]) => name.endsWith('.weight'));
    const count = weights.reduce((sum, [, { values }]) => sum + values.length, 0);
    const plain = await exportSafetensors(model, join(folder, 'single.safetensors'));
    expect(Math.abs(plain.bytes - exported.bytes - 2 * count)).toBeLessThan(64);
    const halved: Record<string, Float32Array> = {};
    for (const [name, { values }] of before.tensors) {
      const found = after.tensors.get(name)?.values as Float32Array;
      if (!name.endsWith('.weight')) expect(found).toEqual(values);
      values.forEach((value, i) => {
        expect(Math.abs((found[i] as number) - value)).toBeLessThanOrEqual(Math.abs(value) * 2 ** -11 + 2 ** -25);
      });
      halved[name] = found;
    }
    expect(after.inputTransform).toEqual(before.inputTransform);
    await using loaded = await Network.load(out);
    await using same = await Network.load(model);
    for (const [name, values] of Object.entries(halved)) await same.native.setTensor(name, values);
    const crops = Uint8Array.from({ length: 3 * 8 * 8 * 2 }, (_, i) => (i * 37) % 256);
    expect((await loaded.predict(crops)).logits).toEqual((await same.predict(crops)).logits);
  });

  it('keeps weights in float32 that float16 cannot hold', async () => {
    const checkpoint = await readCheckpoint(model);
    const { shape, values } = checkpoint.tensors.get('fc1.weight') as { shape: number[]; values: Float32Array };
    const large = Float32Array.from(values);
    large[3] = 1e6;
    checkpoint.tensors.set('fc1.weight', { shape, values: large });
    const out = join(folder, 'large.safetensors');
    await writeModel(out, checkpoint, { weights: 'float16' });
    expect((await readCheckpoint(out)).tensors.get('fc1.weight')?.values).toEqual(large);
  });

  it('is found in a run folder as its best model', async () => {
    const run = join(folder, 'run');
    mkdirSync(run);
    await expect(readCheckpoint(run)).rejects.toThrow(/run holds no best\.safetensors; expected .*last\.safetensors/);
    copyFileSync(model, join(run, 'best.safetensors'));
    expect((await readCheckpoint(run)).iteration).toBe(17);
  });

  it("is read by Python's safetensors", (context) => {
    const python = process.env.DEEPYEAST_PYTHON ?? 'python3';
    try {
      execFileSync(python, ['-c', 'import numpy, safetensors.numpy'], { stdio: 'ignore' });
    } catch {
      return context.skip(`${python} (DEEPYEAST_PYTHON) has no numpy and safetensors`);
    }
    const script = `
import json, sys, safetensors
with safetensors.safe_open(sys.argv[1], 'numpy') as file:
    shapes = {name: list(file.get_tensor(name).shape) for name in file.keys()}
    print(json.dumps({'metadata': file.metadata(), 'shapes': shapes}))
`;
    const { metadata, shapes } = JSON.parse(execFileSync(python, ['-c', script, model], { encoding: 'utf8' }));
    expect(JSON.parse(metadata.classes)).toEqual(small.classes);
    expect(JSON.parse(metadata.recipe)).toEqual(recipes.paper);
    expect(shapes).toMatchObject({
      'conv1_1.weight': [4, 3, 3, 2],
      'velocity/fc2.bias': [3],
      'fc1.running_variance': [8],
      mean_image: [8, 8, 2],
    });
  });
});

type Header = Record<string, { dtype: string; shape: number[]; data_offsets: [number, number] }> & {
  __metadata__: Record<string, string>;
};

/** The model with another header and other values. */
function changed(change: (header: Header, values: Buffer) => void): string {
  const bytes = readFileSync(model);
  const length = Number(bytes.readBigUInt64LE(0));
  const header = JSON.parse(bytes.subarray(8, 8 + length).toString()) as Header;
  const values = Buffer.from(bytes.subarray(8 + length));
  change(header, values);
  const json = Buffer.from(JSON.stringify(header));
  const start = Buffer.alloc(8);
  start.writeBigUInt64LE(BigInt(json.length));
  const path = join(folder, 'changed.safetensors');
  writeFileSync(path, Buffer.concat([start, json, values]));
  return path;
}

const metadata = (key: string, text: string) => () =>
  changed((header) => {
    header.__metadata__[key] = text;
  });

describe('a broken checkpoint', () => {
  it.each<[string, () => string, RegExp]>([
    ['truncated values', () => cut(-1), /is truncated: found \d+ bytes, expected \d+; copy it again/],
    ['a truncated header', () => cut(100), /ends inside its header/],
    ['nothing left', () => cut(0), /has 0 bytes; expected a safetensors file/],
    ['another kind of model', metadata('format', 'pt'), /a safetensors file of something else/],
    ['a newer format', metadata('version', '2'), /has format version 2; this deepyeast reads version 1/],
    ['a missing tensor', () => changed(rename('fc1.gamma', 'fc1.alpha')), /no tensor fc1\.gamma.*\(shape \[8\]\)/],
    ['a tensor too many', () => changed(rename('velocity/fc1.gamma', 'fc9.gamma')), /a tensor "fc9\.gamma", which its/],
    [
      'a shape of another topology',
      () => changed((header) => header['fc1.weight']?.shape.reverse()),
      /expected \[8, 16\]/,
    ],
    ['another dtype', () => changed(typed('fc1.gamma', 'I32')), /tensor "fc1\.gamma" of type I32; expected F32/],
    ['NaN', () => changed(value('conv2_1.weight', Number.NaN)), /has NaN in tensor conv2_1\.weight/],
    ['infinity', () => changed(value('mean_image', -Infinity)), /has -Infinity in tensor mean_image/],
    ['a negative variance', () => changed(value('fc1.running_variance', -0.5)), /has -0\.5 in tensor fc1\.running/],
    ['no mean image', () => changed(rename('mean_image', 'mean')), /no tensor mean_image/],
    ['a topology of no network', metadata('topology', '{"imageSize": 8}'), /no valid topology/],
    ['a topology as large as memory', metadata('topology', hugeTopology()), /no tensor conv1_1\.weight|expected \[/],
    ['an endless topology', metadata('topology', endlessTopology()), /no valid topology/],
    ['a topology that is not JSON', metadata('topology', '{'), /metadata topology is not JSON/],
    ['too few classes', metadata('classes', '["nucleus"]'), /class list that does not name the 3 classes/],
    ['a seed of words', metadata('seed', '"five"'), /no valid seed/],
    ['a scale of zero', metadata('input', inputWith({ scale: 0 })), /invalid input transform/],
    [
      'a rule of its own',
      metadata('input', inputWith({ normalization: { rule: 'magic' } })),
      /normalization needs "rule"/,
    ],
    ['a channel too few', metadata('input', inputWith({ channels: ['rfp'] })), /invalid input transform/],
    ['half an iteration', metadata('iteration', '1.5'), /invalid iteration/],
  ])('with %s is model-invalid', async (_, spoil, message) => {
    const path = spoil();
    await expect(readCheckpoint(path)).rejects.toThrow(message);
    await expect(Network.load(path)).rejects.toMatchObject({ code: 'model-invalid' });
  });

  function cut(length: number): string {
    const path = changed(() => {});
    truncateSync(path, length < 0 ? readFileSync(path).length + length : length);
    return path;
  }

  function rename(from: string, to: string) {
    return (header: Header) => {
      header[to] = header[from] as Header[string];
      delete header[from];
    };
  }

  function typed(name: string, dtype: string) {
    return (header: Header) => {
      (header[name] as Header[string]).dtype = dtype;
    };
  }

  function value(name: string, number: number) {
    return (header: Header, values: Buffer) => {
      values.writeFloatLE(number, (header[name] as Header[string]).data_offsets[0]);
    };
  }

  function hugeTopology(): string {
    return JSON.stringify({ ...topologyOf({ classes: 3, size: 8, blocks: [[1 << 20]], dense: [1 << 20] }) });
  }

  function endlessTopology(): string {
    return JSON.stringify(topologyOf({ classes: 3, size: 8, blocks: [new Array(100_000).fill(1)], dense: [] }));
  }

  function inputWith(change: object): string {
    return JSON.stringify({ scale: 1, channels: ['rfp', 'gfp'], normalization: { rule: 'none' }, ...change });
  }

  it('with any bytes changed or cut is an error or a model, never a crash', async () => {
    const good = readFileSync(model);
    const path = join(folder, 'fuzzed.safetensors');
    const headerBytes = 8 + Number(good.readBigUInt64LE(0));
    const position = fc.oneof(fc.nat(headerBytes), fc.nat(good.length - 1));
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(position, fc.nat(255)), { maxLength: 4 }),
        fc.option(fc.nat(good.length), { freq: 3 }),
        async (changes, length) => {
          const bytes = Buffer.from(good);
          for (const [at, byte] of changes) bytes[at] = byte;
          writeFileSync(path, length === null ? bytes : bytes.subarray(0, length));
          try {
            const { tensors } = await readCheckpoint(path, { momentum: true });
            for (const { values } of tensors.values()) expect(values.every(Number.isFinite)).toBe(true);
          } catch (error) {
            expect(error).toBeInstanceOf(DeepYeastError);
            expect((error as DeepYeastError).code).toBe('model-invalid');
          }
        },
      ),
      { numRuns: 300 },
    );
  });
});
