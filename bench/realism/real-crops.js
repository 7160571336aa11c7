// The real cells beside the project, imported with the library's default rule into a temporary folder.
import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { cellsOfPlates, defaultNormalization, importImages } from '../../dist/index.mjs';

/** The folder of real data: DEEPYEAST_DATA, or shared/data beside the project. */
export function realData() {
  const folder = process.env.DEEPYEAST_DATA ?? new URL('../../../shared/data', import.meta.url).pathname;
  if (!existsSync(folder)) throw new Error(`${folder} is missing: set DEEPYEAST_DATA to the folder of real data`);
  return folder;
}

/** The 877 crops of the WT2 screen. */
export async function importScreen(folder) {
  const classes = join(folder, 'proteins.csv');
  await writeFile(classes, 'protein,class\nAAC1,mitochondrion\nAAH1,cytoplasm\nAAP1,cytoplasm\n');
  const { dataset } = await importImages({
    source: join(realData(), 'wt2-cells'),
    out: join(folder, 'screen'),
    pattern: '{protein}/{protein}_{field}_rfp_{cell}_{channel}.tif',
    channels: [{ name: 'rfp' }, { name: 'gfp' }],
    classes,
  });
  return dataset;
}

/** The twelve single cells of a figure: their 8 bits as they are, or by the default rule like everything else. */
export async function importFigure(folder, asTheyAre) {
  const { dataset } = await importImages({
    source: join(realData(), 'real-cells'),
    labels: join(realData(), 'real-cells/labels.txt'),
    pattern: 'images/{name}.png',
    out: join(folder, asTheyAre ? 'figure-as-is' : 'figure'),
    normalization: asTheyAre ? { rule: 'none' } : defaultNormalization,
  });
  return dataset;
}

/**
 * The cells of the two fields, found by the product's own segmentation: red is the marker, green a strain without a tagged
 * protein, so that its light is autofluorescence alone.
 */
export async function importFields(folder) {
  const { dataset } = await cellsOfPlates({
    sources: [join(realData(), 'fields')],
    layout: 'harmony',
    channels: new Map([
      ['rfp', 'ch3'],
      ['gfp', 'ch1'],
    ]),
    out: join(folder, 'fields'),
  });
  return dataset;
}

/** All crops of a dataset, one Uint8Array each. */
export async function cropsOf(dataset, most = dataset.count) {
  const count = Math.min(most, dataset.count);
  const indices = Uint32Array.from({ length: count }, (_, i) => Math.floor((i * dataset.count) / count));
  const images = await dataset.readImages(indices);
  const bytes = images.length / count;
  return Array.from({ length: count }, (_, i) => images.subarray(i * bytes, (i + 1) * bytes));
}
