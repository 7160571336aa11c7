import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { npyHeader } from '../../src/files/npy';
import { Dataset, Network } from '../../src/index';
import type { BadInputRow } from './row';
import { type SmallDatasetChanges, writeSmallDataset } from './small-dataset';

type DatasetRow = Pick<BadInputRow, 'name' | 'code' | 'says'> & {
  changes?: SmallDatasetChanges;
  spoil?: (data: string) => void;
};

/** The header of the good images.npy (24 cells of 8x8x2) with other words in it. */
function headerSaying(text: string, length?: number): Uint8Array {
  const header = Buffer.from(npyHeader('|u1', [24, 8, 8, 2]));
  header.fill(' ', 10, header.length - 1);
  header.write(text, 10, 'latin1');
  if (length !== undefined) header.writeUInt16LE(length, 8);
  return header;
}

const dictionary = (shape: string, dtype = '|u1', order = 'False') =>
  `{'descr': '${dtype}', 'fortran_order': ${order}, 'shape': ${shape}, }`;

const rows: DatasetRow[] = [
  { name: 'an empty dataset', changes: { cells: 0 }, code: 'dataset-invalid', says: /no images.*at least one cell/ },
  { name: 'images.npy of no bytes', changes: { imageBytes: 0 }, code: 'dataset-invalid', says: /numpy\.save/ },
  {
    name: 'images.npy ends in its header',
    changes: { imageBytes: 40 },
    code: 'dataset-invalid',
    says: /copy it again/,
  },
  {
    name: 'images.npy is truncated',
    changes: { imageBytes: 2000 },
    code: 'images-truncated',
    says: /2000 bytes, expected 3200/,
  },
  {
    name: 'images.npy of float values',
    changes: { header: npyHeader('<f4', [6, 8, 8, 2]) },
    code: 'dataset-invalid',
    says: /<f4, expected \|u1.*astype/,
  },
  {
    name: 'images.npy of three dimensions',
    changes: { header: npyHeader('|u1', [24, 64, 2]) },
    code: 'dataset-invalid',
    says: /\(24, 64, 2\), expected \(cells, size, size, channels\)/,
  },
  {
    name: 'images that are no squares',
    changes: { header: npyHeader('|u1', [24, 4, 16, 2]) },
    code: 'dataset-invalid',
    says: /\(24, 4, 16, 2\), expected/,
  },
  {
    name: 'images in Fortran order',
    changes: { header: headerSaying(dictionary('(24, 8, 8, 2)', '|u1', 'True')) },
    code: 'dataset-invalid',
    says: /Fortran.*ascontiguousarray/,
  },
  {
    name: 'a header that says more than there is',
    changes: { header: headerSaying(dictionary('(9007199254740991, 8, 8, 2)')) },
    code: 'images-truncated',
    says: /3200 bytes, expected \d+ by its header/,
  },
  {
    name: 'a header that says less than there is',
    changes: { header: headerSaying(dictionary('(23, 8, 8, 2)')) },
    code: 'dataset-invalid',
    says: /describes 3072: write it again/,
  },
  {
    name: 'a header that says it is longer than the file',
    changes: { header: headerSaying(dictionary('(24, 8, 8, 2)'), 65535) },
    code: 'dataset-invalid',
    says: /ends inside its \.npy header; copy it again/,
  },
  {
    name: 'a header that is no dictionary',
    changes: { header: headerSaying('__import__("os").system("true")') },
    code: 'dataset-invalid',
    says: /not understood/,
  },
  {
    name: 'cells.csv with too few rows',
    changes: { table: (rows) => `${rows.slice(0, -1).join('\n')}\n` },
    code: 'dataset-invalid',
    says: /23 rows, expected 24/,
  },
  {
    name: 'cells.csv with too many rows',
    changes: { table: (rows) => `${[...rows, rows.at(-1)].join('\n')}\n` },
    code: 'dataset-invalid',
    says: /25 rows, expected 24/,
  },
  {
    name: 'cells.csv with a comma that is not quoted',
    changes: { table: (rows) => `${rows.join('\n').replace('cell3,', 'cell,3,')}\n` },
    code: 'table-invalid',
    says: /line 5: found 10 fields, expected 9/,
  },
  {
    name: 'cells.csv with a quote that is never closed',
    changes: { table: (rows) => `${rows.join('\n').replace('cell3,', '"cell3,')}\n` },
    code: 'table-invalid',
    says: /quote/i,
  },
  {
    name: 'cells.csv without labels',
    changes: { table: (rows) => `${rows.join('\n').replace('label', 'class')}\n` },
    code: 'dataset-invalid',
    says: /no column "label".*expected at least cell and label/,
  },
  {
    name: 'an empty cells.csv',
    changes: { table: () => '' },
    code: 'table-invalid',
    says: /empty, expected a header line/,
  },
  {
    name: 'a label out of range',
    changes: { label: (i) => (i === 7 ? 3 : 0) },
    code: 'labels-invalid',
    says: /line 9: found label "3", expected 0 to 2/,
  },
  {
    name: 'a negative label',
    changes: { label: (i) => (i === 7 ? -2 : 0) },
    code: 'labels-invalid',
    says: /found label "-2", expected 0 to 2/,
  },
  {
    name: 'a label that is a name',
    changes: { label: (i) => (i === 7 ? 'er' : 0) },
    code: 'labels-invalid',
    says: /found label "er", expected 0 to 2/,
  },
  {
    name: 'no dataset.json',
    spoil: (data) => rmSync(join(data, 'dataset.json')),
    code: 'dataset-invalid',
    says: /dataset\.json is missing.*"classes"/,
  },
  {
    name: 'dataset.json that is no JSON',
    spoil: (data) => writeFileSync(join(data, 'dataset.json'), '{"classes": ['),
    code: 'dataset-invalid',
    says: /not JSON/,
  },
  {
    name: 'a class named twice',
    changes: { classes: ['er', 'er', 'golgi'] },
    code: 'dataset-invalid',
    says: /"classes" must list distinct names/,
  },
  { name: 'no cells.csv', spoil: (data) => rmSync(join(data, 'cells.csv')), code: 'io-error', says: /cells\.csv/ },
  {
    name: 'no dataset at all',
    spoil: (data) => rmSync(data, { recursive: true }),
    code: 'dataset-invalid',
    says: /a dataset folder holds/,
  },
];

/** Rows that opening a dataset answers. */
export const datasetRows: BadInputRow[] = rows.map(({ name, changes, spoil, code, says }) => ({
  name,
  spoil: (workspace) => {
    const data = join(workspace, 'data');
    if (changes) {
      rmSync(data, { recursive: true });
      writeSmallDataset(data, changes);
    }
    spoil?.(data);
  },
  api: (workspace) => Dataset.open(join(workspace, 'data')),
  command: (workspace) => evaluation(workspace),
  code,
  says,
}));

/** Rows in which a good dataset meets a good model that does not fit it. */
export const mismatchRows: BadInputRow[] = [
  {
    name: 'a model of two channels on data of three',
    spoil: (workspace) => replaceData(workspace, { channels: ['rfp', 'gfp', 'bfp'] }),
    api: predictAll,
    command: evaluation,
    code: 'model-mismatch',
    says: /\[24, 8, 8, 3\].*expects.*2 channels/,
  },
  {
    name: 'a model of 8x8 pixels on data of 16x16',
    spoil: (workspace) => replaceData(workspace, { size: 16 }),
    api: predictAll,
    command: evaluation,
    code: 'model-mismatch',
    says: /\[24, 16, 16, 2\].*expects.*8x8/,
  },
  {
    name: 'channels in another order than the model has them',
    spoil: (workspace) => replaceData(workspace, { channels: ['gfp', 'rfp'] }),
    api: predictAll,
    command: evaluation,
    code: 'model-mismatch',
    says: /gfp, rfp; the model expects rfp, gfp.*--channels/,
  },
];

function replaceData(workspace: string, changes: SmallDatasetChanges): void {
  rmSync(join(workspace, 'data'), { recursive: true });
  writeSmallDataset(join(workspace, 'data'), changes);
}

async function predictAll(workspace: string): Promise<unknown> {
  const network = await Network.load(join(workspace, 'model.safetensors'));
  try {
    return await network.predict(await Dataset.open(join(workspace, 'data')));
  } finally {
    await network.close();
  }
}

function evaluation(workspace: string): string[] {
  const [model, data, out] = ['model.safetensors', 'data', 'report'].map((name) => join(workspace, name)) as [
    string,
    string,
    string,
  ];
  return ['evaluate', '--model', model, '--data', data, '--out', out];
}
