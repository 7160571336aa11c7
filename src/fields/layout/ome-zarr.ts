/** Fields of OME-Zarr plates, and of single images. */

import { basename, join, resolve } from 'node:path';
import { parseColumn, parseRow, wellName } from '../../data/well';
import { DeepYeastError } from '../../errors';
import { isImage, type OmeZarrWell, readImageInfo, readPlate, readWell, requireZarrNode } from '../ome-zarr';
import { zarrFiles } from '../zarr-metadata';
import type { FoundPlane, FoundPlanes } from './found-plane';

/** Whether the names in a folder make it a node of a Zarr hierarchy, which is read as a whole. */
export function isZarrFolder(names: ReadonlySet<string>): boolean {
  return zarrFiles.some((name) => names.has(name));
}

/** Finds the planes of a plate or an image. A well or image that cannot be read is a problem, not an error. */
export async function findZarrPlanes(folder: string, found: FoundPlanes): Promise<void> {
  const node = await requireZarrNode(folder);
  const plate = readPlate(node);
  const name = basename(resolve(folder)).replace(/(\.ome)?\.zarr$/i, '');
  if (plate) {
    for (const well of plate.wells) await findWell(folder, plate.name ?? name, well, found);
  } else if (isImage(node)) {
    await trying(folder, found, () => findImage(folder, { plate: name, well: '', field: '1' }, found));
  } else found.leftOut(folder, 'a Zarr hierarchy that is neither a plate nor an image of OME-Zarr');
}

async function findWell(folder: string, plate: string, well: OmeZarrWell, found: FoundPlanes): Promise<void> {
  const path = join(folder, well.path);
  const row = parseRow(well.row);
  const column = parseColumn(well.column);
  const title = row !== undefined && column !== undefined ? wellName({ row, column }) : `${well.row}${well.column}`;
  const images = await trying(path, found, async () => readWell(await requireZarrNode(path)));
  for (const image of images ?? []) {
    const place = join(path, image);
    await trying(place, found, () => findImage(place, { plate, well: title, field: image }, found));
  }
}

async function findImage(
  path: string,
  field: Pick<FoundPlane, 'plate' | 'well' | 'field'>,
  found: FoundPlanes,
): Promise<void> {
  const { array, axes, shape, channelNames, pixelSize } = await readImageInfo(await requireZarrNode(path));
  const sizeOf = (axis: string) => (axes.includes(axis) ? (shape[axes.indexOf(axis)] as number) : 1);
  const [channels, times, slices] = [sizeOf('c'), sizeOf('t'), sizeOf('z')];
  if (channels * times * slices > mostPlanes) {
    throw new DeepYeastError(
      'image-invalid',
      `${path} has ${channels} channels, ${times} times and ${slices} planes, expected at most ${mostPlanes} together`,
    );
  }
  for (let c = 0; c < channels; c++) {
    const name = channelNames[c];
    found.channel({ id: String(c), aliases: [], ...(name && { name }) });
    for (let t = 0; t < times; t++) {
      for (let z = 0; z < slices; z++) {
        const place = { t, c, z } as Record<string, number>;
        const index = axes.slice(0, -2).map((axis) => place[axis] as number);
        found.plane({
          ...field,
          channel: String(c),
          t,
          source: { path, z, zarr: { array, index } },
          ...(pixelSize !== undefined && { pixelSize }),
        });
      }
    }
  }
}

const mostPlanes = 2 ** 16;

/** What is wrong with a part of a plate becomes a problem. */
async function trying<Result>(
  path: string,
  found: FoundPlanes,
  work: () => Promise<Result>,
): Promise<Result | undefined> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof DeepYeastError)) throw error;
    // The path stands before the reason anyway.
    const reason = error.message.startsWith(path)
      ? error.message.slice(path.length).replace(/^[/: ]+/, '')
      : error.message;
    found.problem(path, reason, error.code === 'io-error' ? 'io-error' : 'image-invalid');
    return undefined;
  }
}
