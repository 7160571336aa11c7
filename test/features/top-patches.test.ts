import { expect, test } from 'vitest';
import { receptiveField } from '../../src/features/receptive-field';
import { TopPatches } from '../../src/features/top-patches';
import { topologyOf } from '../../src/network/topology';
import { smallNetwork, smallSize } from '../small-model';

test('the receptive fields of the paper’s eight convolutions', () => {
  const topology = topologyOf({ classes: 12 });
  const convolutions = ['1_1', '1_2', '2_1', '2_2', '3_1', '3_2', '3_3', '3_4'].map((name) => `conv${name}`);
  const sizes = convolutions.map((layer) => receptiveField(topology, layer)?.size);
  expect(sizes).toEqual([3, 5, 10, 14, 24, 32, 40, 48]);
  expect(receptiveField(topology, 'fc1')).toBeNull();
  expect(() => receptiveField(topology, 'conv9')).toThrow(/expected one of conv1_1/);
});

test('a pixel outside a patch never changes its unit, one inside may', async () => {
  const network = await smallNetwork(['a', 'b', 'c']);
  try {
    const crop = Uint8Array.from({ length: smallSize * smallSize * 2 }, (_, i) => (i * 37) % 251);
    const output = async (layer: string, pixels: Uint8Array) => {
      for await (const { values } of network.activations(pixels, layer, { stage: 'linear' })) return values;
      throw new Error('no output');
    };
    for (const layer of ['conv1_1', 'conv2_1']) {
      const [side = 0, , units = 0] = network.activationShape(layer);
      const field = receptiveField(network.topology, layer)!;
      const before = await output(layer, crop);
      const changed = new Set<string>();
      const [y, x] = [6, 9];
      const other = crop.slice();
      other[(y * smallSize + x) * 2] = 255 - (other[(y * smallSize + x) * 2] as number);
      const after = await output(layer, other);
      for (let p = 0; p < side * side; p++) {
        for (let u = 0; u < units; u++) {
          if (before[p * units + u] !== after[p * units + u]) changed.add(`${Math.floor(p / side)},${p % side}`);
        }
      }
      const inside = new Set<string>();
      for (let row = 0; row < side; row++) {
        for (let column = 0; column < side; column++) {
          const top = field.start + row * field.step;
          const left = field.start + column * field.step;
          if (y >= top && y < top + field.size && x >= left && x < left + field.size) inside.add(`${row},${column}`);
        }
      }
      // Winograd's tiles may move the last bit of a neighbour; what is far off stays as it was.
      expect([...inside].filter((at) => !changed.has(at))).toEqual([]);
    }
  } finally {
    await network.close();
  }
});

test('one patch a cell, the strongest first, equal values to the cell that came first', () => {
  const topology = topologyOf({ classes: 3, size: 16, blocks: [[8], [16]], dense: [16] });
  const top = new TopPatches(topology, 'conv2_1', [2, 2, 1], 2);
  top.add(10, Float32Array.of(0, 5, 5, 1));
  top.add(11, Float32Array.of(7, 0, 0, 0));
  top.add(12, Float32Array.of(0, 0, 0, 7));
  expect(top.result()).toMatchObject([
    { unit: 0, rank: 1, cell: 11, value: 7, patch: { top: -3, left: -3, bottom: 5, right: 5 } },
    { unit: 0, rank: 2, cell: 12, value: 7, patch: { top: -1, left: -1, bottom: 7, right: 7 } },
  ]);
});

test('a dense layer’s patch is the whole crop', () => {
  const topology = topologyOf({ classes: 3, size: 16, blocks: [[8], [16]], dense: [16] });
  const top = new TopPatches(topology, 'fc1', [2], 1);
  top.add(3, Float32Array.of(0, 2));
  expect(top.result()[1]).toEqual({
    unit: 1,
    rank: 1,
    cell: 3,
    value: 2,
    patch: { top: 0, left: 0, bottom: 16, right: 16 },
  });
});
