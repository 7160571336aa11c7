/** The size that fields have in common. */

import { join } from 'node:path';
import { DeepYeastError } from '../../errors';
import { openTiff } from '../../files/tiff';
import { isTiffFile } from '../read-plane';
import { readZarrNode } from '../zarr-metadata';
import type { FieldImages } from './assembly';
import type { PlaneSource } from './found-plane';

interface Size {
  width: number;
  height: number;
}

/** Fields that are looked at. */
const probes = 9;

/** The most frequent size among a few fields, spread over the listing; of equally frequent ones the first. */
export async function commonSize(fields: readonly FieldImages[]): Promise<Size | undefined> {
  const count = Math.min(probes, fields.length);
  const votes = new Map<string, { size: Size; count: number }>();
  for (let probe = 0; probe < count; probe++) {
    const field = fields[Math.floor((probe * fields.length) / count)] as FieldImages;
    const [marker] = Object.values(field.channels) as [PlaneSource[]];
    const size = await sizeOf(marker[0] as PlaneSource);
    if (!size) continue;
    const key = `${size.width} x ${size.height}`;
    votes.set(key, { size, count: (votes.get(key)?.count ?? 0) + 1 });
  }
  let best: { size: Size; count: number } | undefined;
  for (const vote of votes.values()) if (!best || vote.count > best.count) best = vote;
  return best?.size;
}

/** From the header alone. A file that cannot be opened says nothing here; reading it will tell why. */
async function sizeOf({ path, page, zarr }: PlaneSource): Promise<Size | undefined> {
  try {
    if (zarr) {
      const shape = (await readZarrNode(join(path, zarr.array)))?.array?.shape;
      return shape && { width: shape.at(-1) as number, height: shape.at(-2) as number };
    }
    if (!(await isTiffFile(path))) {
      const { default: sharp } = await import('sharp');
      const { width, height } = await sharp(path).metadata();
      return width && height ? { width, height } : undefined;
    }
    const tiff = await openTiff(path);
    try {
      const found = tiff.pages[page ?? 0];
      return found && { width: found.width, height: found.height };
    } finally {
      await tiff.close();
    }
  } catch (error) {
    if (error instanceof DeepYeastError || /unsupported image|Input/i.test((error as Error).message)) return undefined;
    throw error;
  }
}
