/** Occlusion maps of chosen cells as a sheet: the crop, and beside it where the class is seen. */
import { join } from 'node:path';
import type { Dataset } from '../data/dataset';
import { blankPicture, drawCrop, encodePng } from '../data/picture';
import { DeepYeastError } from '../errors';
import { writeFileAtomically } from '../files/atomic-file';
import { writeRecords } from '../files/record-table';
import type { Network } from '../network/network';
import { type RuleOptions, requireModelRule } from '../prediction/rule-match';
import { type OcclusionOptions, occlusionMap } from './occlusion';

const side = 192;
const gap = 4;

/**
 * Writes occlusion.png (a row a cell: the crop, and the crop lit by how much the probability of the called class falls
 * where it is covered) and occlusion.csv (the call, and where the fall is largest) into a folder.
 * @param names of cells
 * @throws invalid-argument for a name that the dataset does not have, rule-mismatch, aborted, io-error, disk-full
 */
export async function writeOcclusionSheet(
  network: Network,
  dataset: Dataset,
  names: readonly string[],
  out: string,
  options: OcclusionOptions & RuleOptions = {},
): Promise<void> {
  requireModelRule(network, dataset, options);
  const table = await dataset.table();
  const position = new Map(table.map(({ cell }, i) => [cell, i]));
  const missing = names.find((name) => !position.has(name));
  if (missing !== undefined) {
    throw new DeepYeastError(
      'invalid-argument',
      `found no cell '${missing}' in ${dataset.path}, expected one of its names`,
    );
  }
  const { size } = dataset;
  const channels = dataset.channels.length;
  const picture = blankPicture(2 * (side + gap) + gap, names.length * (side + gap) + gap);
  const rows = [];
  for (const [row, name] of names.entries()) {
    const cell = position.get(name) as number;
    const crop = await dataset.readImages(Uint32Array.of(cell));
    const { drop, label, probability } = await occlusionMap(network, crop, options);
    let largest = 0;
    for (const [pixel, value] of drop.entries()) if (value > (drop[largest] as number)) largest = pixel;
    const top = gap + row * (side + gap);
    drawCrop(picture, { left: gap, top, side }, crop, size, channels);
    const scale = Math.max(drop[largest] as number, 1e-6);
    const lit = Uint8Array.from(crop, (value, i) => {
      const share = Math.max(0, drop[Math.floor(i / channels)] as number) / scale;
      return Math.round(value * (0.15 + 0.85 * share));
    });
    drawCrop(picture, { left: side + 2 * gap, top, side }, lit, size, channels);
    rows.push({
      cell: name,
      class: dataset.classes[dataset.labels[cell] as number] ?? null,
      predicted: network.classes[label] as string,
      probability,
      largest_fall: drop[largest] as number,
      y: Math.floor(largest / size),
      x: largest % size,
    });
  }
  await writeRecords(join(out, 'occlusion.csv'), rows);
  await writeFileAtomically(join(out, 'occlusion.png'), await encodePng(picture));
}
