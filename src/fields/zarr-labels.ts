/** Label images (masks) of OME-Zarr images: the folder `labels` beside an image's arrays. */

import { mkdir, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { DeepYeastError, fileError } from '../errors';
import { writeFileAtomically } from '../files/atomic-file';
import { replace } from '../files/replace';
import { claimTemporaryName, releaseTemporaryName } from '../files/temporary';
import { omeAttributes, readImageInfo, requireZarrNode } from './ome-zarr';
import { openZarrPlanes } from './zarr-array';
import { innerPath, property, readZarrNode, type ZarrNode } from './zarr-metadata';

export interface ZarrLabels {
  /** Pixels. */
  width: number;
  height: number;
  /** Row by row; 0 is background. */
  labels: Uint32Array;
}

const compress = promisify(gzip);

/** Rows and columns of a chunk. */
const chunkSize = 1024;

/** Names of the label images of an image. Throws `image-invalid`, `io-error`. */
export async function zarrLabelNames(image: string): Promise<string[]> {
  const node = await readZarrNode(join(image, 'labels'));
  return node ? readNames(node) : [];
}

function readNames(node: ZarrNode): string[] {
  const names = property(omeAttributes(node), 'labels');
  if (!Array.isArray(names)) return [];
  try {
    return names.map((name) => innerPath(name, 1));
  } catch (error) {
    throw new DeepYeastError('image-invalid', `${node.folder} ${(error as Error).message}`, { cause: error });
  }
}

/**
 * Reads a label image.
 * @param image folder of the image in its plate
 * @param name which of its label images; left out: the only one
 * @param place time and plane, where the labels have several
 * @throws image-invalid, io-error
 */
export async function readZarrLabels(
  image: string,
  name?: string,
  place: { t?: number; z?: number } = {},
): Promise<ZarrLabels> {
  const names = await zarrLabelNames(image);
  const found = names.length > 0 ? names.join(', ') : 'none';
  if (name === undefined && names.length !== 1) {
    throw new DeepYeastError('image-invalid', `${image} has the labels ${found}, expected one: name it`);
  }
  const chosen = name ?? (names[0] as string);
  if (!names.includes(chosen)) {
    throw new DeepYeastError('image-invalid', `${image} has no labels ${chosen}, found ${found}`);
  }
  const folder = join(image, 'labels', chosen);
  const { array, axes, shape } = await readImageInfo(await requireZarrNode(folder));
  const index = axes.slice(0, -2).map((axis, at) => {
    const wanted = axis === 't' ? place.t : axis === 'z' ? place.z : undefined;
    if (shape[at] === 1) return 0;
    if (wanted !== undefined) return wanted;
    throw new DeepYeastError('image-invalid', `${folder} has ${shape[at]} label images along ${axis}, expected one`);
  });
  const { width, height, data } = await (await openZarrPlanes(join(folder, array))).readPlane(index);
  if (data instanceof Float32Array || data.some((label) => label < 0)) {
    throw new DeepYeastError('image-invalid', `${folder} has labels that are no whole numbers from 0 on`);
  }
  return { width, height, labels: data instanceof Uint32Array ? data : Uint32Array.from(data) };
}

/**
 * Writes a label image into its image, in the image's own version of OME-Zarr. It appears whole or not at all; one of the
 * same name is replaced.
 * @param image folder of the image in its plate
 * @throws image-invalid where the folder is no image, or of another size; io-error, disk-full
 */
export async function writeZarrLabels(image: string, name: string, labelImage: ZarrLabels): Promise<void> {
  const node = await requireZarrNode(image);
  const { shape, pixelSize } = await readImageInfo(node);
  const [height, width] = shape.slice(-2) as [number, number];
  if (labelImage.width !== width || labelImage.height !== height) {
    throw new DeepYeastError(
      'image-invalid',
      `${image} is ${width} x ${height} pixels, but its labels are ${labelImage.width} x ${labelImage.height}`,
    );
  }
  if (!/^[\w-][\w.-]*$/.test(name)) {
    throw new DeepYeastError('invalid-argument', `found "${name}" as the name of labels, expected letters and digits`);
  }
  const labels = join(image, 'labels');
  const target = join(labels, name);
  const { version } = node;
  try {
    await mkdir(labels, { recursive: true });
    const temporary = claimTemporaryName(target);
    try {
      await writeImage(temporary, version, labelImage, pixelSize);
      await rm(target, { recursive: true, force: true });
      await replace(temporary, target);
    } catch (error) {
      await rm(temporary, { recursive: true, force: true }).catch(() => {});
      throw error;
    } finally {
      releaseTemporaryName(temporary);
    }
    await listLabels(labels, version, name);
  } catch (error) {
    throw fileError('write', target, error);
  }
}

/** Adds a name to the list of an image's labels. */
async function listLabels(folder: string, version: 2 | 3, name: string): Promise<void> {
  const node = await readZarrNode(folder);
  const names = [...new Set([...(node ? readNames(node) : []), name])];
  if (version === 2) {
    if (!node) await writeFileAtomically(join(folder, '.zgroup'), json({ zarr_format: 2 }));
    await writeFileAtomically(join(folder, '.zattrs'), json({ ...node?.attributes, labels: names }));
    return;
  }
  const ome = property(node?.attributes, 'ome');
  const attributes = { ...node?.attributes, ome: { ...(ome as object | undefined), version: '0.5', labels: names } };
  await writeFileAtomically(join(folder, 'zarr.json'), json({ zarr_format: 3, node_type: 'group', attributes }));
}

async function writeImage(
  folder: string,
  version: 2 | 3,
  { width, height, labels }: ZarrLabels,
  pixelSize: number | undefined,
): Promise<void> {
  const unit = pixelSize === undefined ? {} : { unit: 'micrometer' };
  const axes = ['y', 'x'].map((name) => ({ name, type: 'space', ...unit }));
  const scale = [pixelSize ?? 1, pixelSize ?? 1];
  const datasets = [{ path: '0', coordinateTransformations: [{ type: 'scale', scale }] }];
  const chunk = [Math.min(chunkSize, height), Math.min(chunkSize, width)];
  await mkdir(join(folder, '0'), { recursive: true });
  if (version === 2) {
    const multiscales = [{ version: '0.4', axes, datasets }];
    await writeFile(join(folder, '.zgroup'), json({ zarr_format: 2 }));
    await writeFile(join(folder, '.zattrs'), json({ multiscales, 'image-label': { version: '0.4' } }));
    await writeFile(
      join(folder, '0', '.zarray'),
      json({
        zarr_format: 2,
        shape: [height, width],
        chunks: chunk,
        dtype: '<u4',
        compressor: { id: 'gzip', level: 1 },
        fill_value: 0,
        order: 'C',
        filters: null,
        dimension_separator: '/',
      }),
    );
  } else {
    const ome = { version: '0.5', multiscales: [{ axes, datasets }], 'image-label': {} };
    await writeFile(join(folder, 'zarr.json'), json({ zarr_format: 3, node_type: 'group', attributes: { ome } }));
    await writeFile(
      join(folder, '0', 'zarr.json'),
      json({
        zarr_format: 3,
        node_type: 'array',
        shape: [height, width],
        data_type: 'uint32',
        chunk_grid: { name: 'regular', configuration: { chunk_shape: chunk } },
        chunk_key_encoding: { name: 'default', configuration: { separator: '/' } },
        fill_value: 0,
        codecs: [
          { name: 'bytes', configuration: { endian: 'little' } },
          { name: 'gzip', configuration: { level: 1 } },
        ],
        attributes: {},
      }),
    );
  }
  const [chunkHeight, chunkWidth] = chunk as [number, number];
  for (let row = 0; row * chunkHeight < height; row++) {
    for (let column = 0; column * chunkWidth < width; column++) {
      const values = new Uint32Array(chunkHeight * chunkWidth);
      const rows = Math.min(chunkHeight, height - row * chunkHeight);
      const columns = Math.min(chunkWidth, width - column * chunkWidth);
      for (let y = 0; y < rows; y++) {
        const from = (row * chunkHeight + y) * width + column * chunkWidth;
        values.set(labels.subarray(from, from + columns), y * chunkWidth);
      }
      const path = join(folder, '0', ...(version === 2 ? [] : ['c']), `${row}`, `${column}`);
      await mkdir(dirname(path), { recursive: true });
      await writeFile(path, await compress(values, { level: 1 }));
    }
  }
}

function json(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}
