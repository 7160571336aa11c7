/** Pictures that a part adds to the report: sheets of its cells, its fields with their outlines. */

import { dirname, join } from 'node:path';
import type { Dataset } from '../data/dataset';
import { blankPicture, drawCrop, type Picture } from '../data/picture';
import type { FieldPart } from '../fields/field-part';
import { drawOverlay } from '../fields/overlay';
import { writeFileAtomically } from '../files/atomic-file';
import { makeOutputFolder } from '../files/output-folder';
import { cellSheet, reportPictures, screenFiles } from './results';

/** Widest picture of a field; larger fields are made smaller. */
const fieldWidth = 1080;

export function fieldPicture(folder: string, part: string, index: number): string {
  return join(folder, screenFiles.report, reportPictures.fields, `${part}-${index}.jpg`);
}

export function cellPicture(folder: string, part: string, sheet: number): string {
  return join(folder, screenFiles.report, reportPictures.cells, `${part}-${sheet}.jpg`);
}

/** Makes the folders of the pictures. Throws `io-error`. */
export async function makePictureFolders(folder: string): Promise<void> {
  for (const path of [fieldPicture(folder, '', 0), cellPicture(folder, '', 0)]) {
    await makeOutputFolder(dirname(path));
  }
}

/** Writes a field's marker with the outlines of its cells. */
export async function writeFieldPicture(path: string, { result, marker }: FieldPart): Promise<void> {
  await writeJpeg(path, drawOverlay(marker, result.labels, result.cells), fieldWidth);
}

/** Writes a part's cells, a sheet for every so many, in the order of the dataset and without gaps. */
export async function writeCellSheets(folder: string, part: string, dataset: Dataset): Promise<void> {
  const { columns, rows } = cellSheet;
  const { size, channels } = dataset;
  const perSheet = columns * rows;
  const bytes = size * size * channels.length;
  for (let sheet = 0; sheet * perSheet < dataset.count; sheet++) {
    const first = sheet * perSheet;
    const count = Math.min(perSheet, dataset.count - first);
    const crops = await dataset.readImages(Uint32Array.from({ length: count }, (_, i) => first + i));
    const picture = blankPicture(columns * size, Math.ceil(count / columns) * size, 0);
    for (let i = 0; i < count; i++) {
      const square = { left: (i % columns) * size, top: Math.floor(i / columns) * size, side: size };
      drawCrop(picture, square, crops.subarray(i * bytes, (i + 1) * bytes), size, channels.length);
    }
    await writeJpeg(cellPicture(folder, part, sheet), picture);
  }
}

/** Colours at full resolution: the two channels are told apart by nothing else. */
export async function writeJpeg(path: string, { width, height, pixels }: Picture, widest?: number): Promise<void> {
  const { default: sharp } = await import('sharp');
  const image = sharp(pixels, { raw: { width, height, channels: 3 } });
  const resized = widest !== undefined && width > widest ? image.resize({ width: widest }) : image;
  await writeFileAtomically(path, await resized.jpeg({ quality: 85, chromaSubsampling: '4:4:4' }).toBuffer());
}
