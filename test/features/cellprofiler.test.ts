// CellProfiler's exports joined to a dataset.
import { readFileSync, writeFileSync } from 'node:fs';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Dataset } from '../../src/data/dataset';
import { readCellProfiler, writeCellProfilerFeatures } from '../../src/features/cellprofiler';
import { readFeatureMatrix } from '../../src/features/matrix';
import { writeSmallDataset } from '../bad-input/small-dataset';
import { temporaryFolder } from '../temporary-folder';

const folder = temporaryFolder();

async function dataset(cells = 3): Promise<Dataset> {
  const lines = Array.from({ length: cells }, (_, i) => `cell${i},${i % 3},P${i},,,,,,plate1/A${i}.tif`);
  writeSmallDataset(folder.path('data'), {
    cells,
    size: 64,
    table: ([header]) => `${[header, ...lines].join('\n')}\n`,
  });
  return Dataset.open(folder.path('data'));
}

function table(...lines: string[]): string {
  const path = folder.path('Cells.csv');
  writeFileSync(path, `${lines.join('\n')}\n`);
  return path;
}

const header = 'ImageNumber,ObjectNumber,Metadata_cell,FileName_GFP,AreaShape_Area,Intensity_MeanIntensity_GFP';

test('rows in the order of the dataset; what is no measurement is left out', async () => {
  const path = table(
    header,
    '1,1,cell2,A2.tif,30,0.5',
    '2,1,cell0,A0.tif,10,0.25',
    '3,1,cell1,A1.tif,20,1e-3',
    '4,1,other,x,1,1',
  );
  const data = await dataset();
  const found = await readCellProfiler(path, data);
  expect(found.key).toBe('Metadata_cell');
  expect(found.matrix.names).toEqual(['AreaShape_Area', 'Intensity_MeanIntensity_GFP']);
  expect([...found.matrix.values]).toEqual([10, 0.25, 20, Math.fround(1e-3), 30, 0.5]);
  expect([found.filled, found.dropped, found.missing]).toEqual([0, [], []]);
  // By the file's name instead, and as a folder that the analyses read.
  const written = await writeCellProfilerFeatures(path, data, folder.path('out'), { key: 'FileName_GFP' });
  expect(written).toMatchObject({ features: 'cellprofiler', shape: [3, 2], key: 'FileName_GFP' });
  expect(await readFeatureMatrix(folder.path('out'))).toEqual(found.matrix);
  expect(readFileSync(folder.path('out', 'cells.csv'), 'utf8')).toBe(
    readFileSync(folder.path('data', 'cells.csv'), 'utf8'),
  );
});

test('fields that are no number hold the median, columns of none go', async () => {
  const path = table(
    'Metadata_cell,AreaShape_Area,AreaShape_X,Texture_Y',
    'cell0,10,nan,',
    'cell1,nan,nan,inf',
    'cell2,40,,-2',
    'cell3,20,NaN,1e300',
  );
  const found = await readCellProfiler(path, await dataset(4));
  expect(found.matrix.names).toEqual(['AreaShape_Area', 'Texture_Y']);
  expect([...found.matrix.values]).toEqual([10, -2, 20, -2, 40, -2, 20, -2]);
  expect(found.dropped).toEqual(['AreaShape_X']);
  expect(found.filled).toBe(4);
});

test('of several objects in a crop the one in the middle is the cell', async () => {
  const columns = 'Metadata_cell,Location_Center_X,Location_Center_Y,AreaShape_Area';
  const path = table(columns, 'cell0,5,60,1', 'cell0,30,33,2', 'cell0,40,40,3', 'cell1,9,9,4', 'cell2,32,32,5');
  const { matrix } = await readCellProfiler(path, await dataset());
  expect([0, 1, 2].map((row) => matrix.values[3 * row + 2])).toEqual([2, 4, 5]);
  const twice = table('Metadata_cell,AreaShape_Area', 'cell0,1', 'cell0,2', 'cell1,1', 'cell2,1');
  await expect(readCellProfiler(twice, await dataset())).rejects.toMatchObject({
    code: 'table-invalid',
    message: expect.stringContaining("second row for 'cell0'"),
  });
});

test('missing cells are an error that names one, or hold medians', async () => {
  const path = table('cell,AreaShape_Area', 'cell0,1', 'cell2,5');
  await expect(readCellProfiler(path, await dataset())).rejects.toMatchObject({
    code: 'table-invalid',
    message: expect.stringContaining("1 of 3 cells, 'cell1'"),
  });
  const { matrix, missing } = await readCellProfiler(path, await dataset(), { allowMissing: true });
  expect([[...matrix.values], missing]).toEqual([[1, 3, 5], ['cell1']]);
});

test.each([
  ['no column to join by', ['Image,AreaShape_Area', 'a,1'], {}, 'Metadata_cell'],
  ['an unknown column to join by', ['cell,AreaShape_Area', 'cell0,1'], { key: 'Metadata_Well' }, "'Metadata_Well'"],
  ['text for a number', ['cell,AreaShape_Area', 'cell0,large'], {}, "'large'"],
  ['none of the cells', ['cell,AreaShape_Area', 'x,1'], { allowMissing: true }, 'none of the cells'],
  ['rows of another length', ['cell,AreaShape_Area', 'cell0,1,2'], {}, 'line 2'],
  ['two header lines', ['Image,Cells,Cells', 'ImageNumber,AreaShape_Area,AreaShape_X'], {}, 'Cells'],
])('%s', async (_, lines, options, message) => {
  await expect(readCellProfiler(table(...lines), await dataset(), options)).rejects.toMatchObject({
    code: 'table-invalid',
    message: expect.stringContaining(message),
  });
});

test('any export gives finite features or an error of the table', async () => {
  const data = await dataset();
  const field = fc.oneof(fc.constantFrom('', 'nan', '-inf', '1e400', '0', 'cell1', '"a,b"'), fc.double().map(String));
  await fc.assert(
    fc.asyncProperty(fc.array(fc.tuple(field, field, field), { maxLength: 6 }), async (rows) => {
      const lines = rows.map((row, i) => `cell${i % 4},${row.join(',')}`);
      try {
        const path = table('cell,AreaShape_A,Location_Center_X,Location_Center_Y', ...lines);
        const { matrix } = await readCellProfiler(path, data, { allowMissing: true });
        expect(matrix.values.every(Number.isFinite)).toBe(true);
      } catch (error) {
        expect(error).toMatchObject({ code: 'table-invalid' });
      }
    }),
    { seed: 5, numRuns: 60 },
  );
});
