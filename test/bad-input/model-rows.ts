import { readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Network } from '../../src/index';
import type { BadInputRow } from './row';

interface Header {
  [tensor: string]: { dtype: string; shape: number[]; data_offsets: [number, number] };
}

/** Rewrites a safetensors file with another header (and values); the length before the header follows, or lies. */
function rewrite(path: string, change: (header: Header, values: Buffer) => void, headerLength?: bigint): void {
  const bytes = readFileSync(path);
  const length = Number(bytes.readBigUInt64LE(0));
  const header = JSON.parse(bytes.subarray(8, 8 + length).toString()) as Header;
  const values = Buffer.from(bytes.subarray(8 + length));
  change(header, values);
  const json = Buffer.from(JSON.stringify(header));
  const start = Buffer.alloc(8);
  start.writeBigUInt64LE(headerLength ?? BigInt(json.length));
  writeFileSync(path, Buffer.concat([start, json, values]));
}

const rows: (Pick<BadInputRow, 'name' | 'says'> & { code?: BadInputRow['code']; spoil: (model: string) => void })[] = [
  {
    name: 'a truncated checkpoint',
    spoil: (model) => truncateSync(model, readFileSync(model).length - 100),
    says: /another checkpoint|copy it again/,
  },
  {
    name: 'a checkpoint that ends in its header',
    spoil: (model) => truncateSync(model, 50),
    says: /ends inside its header.*copy it again/,
  },
  {
    name: 'a checkpoint of no bytes',
    spoil: (model) => truncateSync(model, 0),
    says: /0 bytes; expected a safetensors file/,
  },
  {
    name: 'a header longer than the file',
    spoil: (model) => rewrite(model, () => {}, 99_999_999n),
    says: /ends inside its header/,
  },
  {
    name: 'a header of 2^63 bytes',
    spoil: (model) => rewrite(model, () => {}, 2n ** 63n),
    says: /expected at most \d+/,
  },
  {
    name: 'a file that is no model',
    spoil: (model) => writeFileSync(model, '{"format": "pickle", "weights": []}'),
    says: /safetensors/,
  },
  {
    name: 'a checkpoint without one of its tensors',
    spoil: (model) =>
      rewrite(model, (header) => {
        // The values stay where they are, under a name that no network has.
        header['conv9_9.weight'] = header['conv1_1.weight']!;
        delete header['conv1_1.weight'];
      }),
    says: /has no tensor conv1_1\.weight.*another checkpoint/,
  },
  {
    name: 'a tensor in the shape of another topology',
    spoil: (model) => rewrite(model, (header) => header['conv1_1.weight']!.shape.reverse()),
    says: /conv1_1\.weight of shape \[2, 3, 3, 4\]; expected \[4, 3, 3, 2\]/,
  },
  {
    name: 'a tensor over the bytes of another',
    spoil: (model) =>
      rewrite(model, (header) => {
        header['conv2_1.gamma']!.data_offsets = header['conv1_1.gamma']!.data_offsets;
      }),
    says: /expected it at|expected/,
  },
  {
    name: 'NaN in a tensor',
    spoil: (model) =>
      rewrite(model, (header, values) => values.writeFloatLE(Number.NaN, header['fc1.weight']!.data_offsets[0] + 8)),
    says: /NaN in tensor fc1\.weight; expected finite/,
  },
  {
    name: 'a negative variance',
    spoil: (model) =>
      rewrite(model, (header, values) => values.writeFloatLE(-1, header['fc1.running_variance']!.data_offsets[0])),
    says: /-1 in tensor fc1\.running_variance/,
  },
  { name: 'no checkpoint', spoil: (model) => rmSync(model), code: 'io-error', says: /model\.safetensors/ },
];

/** Rows that loading a model answers. */
export const modelRows: BadInputRow[] = rows.map(({ name, spoil, says, code }) => ({
  name,
  spoil: (workspace) => spoil(join(workspace, 'model.safetensors')),
  api: (workspace) => Network.load(join(workspace, 'model.safetensors')),
  command: (workspace) => [
    'predict',
    '--model',
    join(workspace, 'model.safetensors'),
    '--out',
    join(workspace, 'predictions.csv'),
    join(workspace, 'data'),
  ],
  code: code ?? 'model-invalid',
  says,
}));
