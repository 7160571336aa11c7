/** Fields in files that hold all channels: OME-TIFF (one file or several), ImageJ's stacks, RGB, other TIFF. */

import { basename, dirname, join, resolve } from 'node:path';
import { DeepYeastError } from '../../errors';
import { openTiff } from '../../files/tiff';
import { isTiffFile, namingPath } from '../read-plane';
import { readTiffContents, type TiffContents } from '../tiff-contents';
import type { FoundPlanes } from './found-plane';
import type { ImageName, ImageNaming, NameReading } from './image-name';

export const isTiffName = (path: string) => /\.(tiff?|btf|tf8|lsm|stk)$/i.test(path);

/**
 * Finds the planes of files by what the files say. A file that cannot be read is a problem, not an error.
 * @param naming how the files are named; left out: plate is the folder, field the file's name
 */
export async function findTiffPlanes(
  root: string,
  paths: readonly string[],
  found: FoundPlanes,
  naming?: ImageNaming,
  otherwise = 'no TIFF',
): Promise<void> {
  const there = new Set(paths.map((path) => join(root, path)));
  // Files that another one names as its own.
  const parts = new Set<string>();
  const others: { path: string; reason: string }[] = [];
  const { names, warnings } = (naming ?? fileNaming(root)).readAll(paths);
  for (const text of warnings) found.warning(text);
  for (const [at, path] of paths.entries()) {
    const full = join(root, path);
    if (parts.has(full)) continue;
    const name = names[at];
    if (typeof name !== 'object') {
      others.push({ path: full, reason: name ?? otherwise });
      continue;
    }
    try {
      if (!(await isTiffFile(full))) findPicturePlanes(root, path, name, found, await pictureChannels(full));
      else addPlanes(root, path, name, found, await readContents(full), { there, parts });
    } catch (error) {
      if (!(error instanceof DeepYeastError)) throw error;
      const code = error.code === 'io-error' ? 'io-error' : 'image-invalid';
      found.problem(
        full,
        error.message.startsWith(`${full}: `) ? error.message.slice(full.length + 2) : error.message,
        code,
      );
    }
  }
  // A companion file is known to be one only when its images have been read.
  for (const { path, reason } of others) if (!parts.has(path)) found.leftOut(path, reason);
}

/** Without a pattern the folder is the plate, and a file a field. */
function fileNaming(root: string): ImageNaming {
  const plate = basename(resolve(root));
  const read = (path: string): NameReading =>
    isTiffName(path) ? { plate, well: '', field: path.replace(/\.(ome\.)?[^./]+$/i, '') } : undefined;
  return { hasChannel: false, readAll: (paths) => ({ names: paths.map(read), warnings: [] }) };
}

async function readContents(path: string): Promise<TiffContents> {
  const tiff = await openTiff(path);
  try {
    return await namingPath(path, () => readTiffContents(tiff));
  } finally {
    await tiff.close();
  }
}

function addPlanes(
  root: string,
  path: string,
  name: ImageName,
  found: FoundPlanes,
  contents: TiffContents,
  { there, parts }: { there: ReadonlySet<string>; parts: Set<string> },
): void {
  const full = join(root, path);
  if (contents.companion !== undefined) parts.add(contents.companion);
  const several = contents.channelNames.length > 1;
  const { plate = basename(resolve(root)), z: _z, t: _t, channel: _channel, ...rest } = name;
  for (const [image, names] of contents.channelNames.entries()) {
    for (const [channel, channelName] of names.entries()) {
      found.channel({ id: String(channel), aliases: [], ...(channelName !== '' && { name: channelName }) });
    }
    const pixelSize = contents.pixelSizes[image];
    for (const plane of contents.planes) {
      if (plane.image !== image) continue;
      const file = plane.fileName === undefined ? full : join(dirname(full), basename(plane.fileName));
      if (!parts.has(file)) {
        parts.add(file);
        if (!there.has(file)) found.problem(file, `the file is missing; ${full} names it as a part of its image`);
      }
      if (!there.has(file)) continue;
      found.plane({
        ...rest,
        plate,
        field: several ? `${name.field}-${image + 1}` : name.field,
        channel: String(plane.channel),
        t: plane.t,
        source: { path: file, page: plane.page, sample: plane.sample, z: plane.z },
        ...(pixelSize !== undefined && { pixelSize }),
      });
    }
  }
}

/** Colours of a PNG or another picture, without alpha. */
async function pictureChannels(path: string): Promise<string[]> {
  return namingPath(path, async () => {
    const { default: sharp } = await import('sharp');
    const { channels = 1 } = await sharp(path).metadata();
    return channels >= 3 ? ['red', 'green', 'blue'] : [''];
  });
}

function findPicturePlanes(root: string, path: string, name: ImageName, found: FoundPlanes, names: string[]): void {
  const { plate = basename(resolve(root)), z: _z, t: _t, channel: _channel, ...rest } = name;
  for (const [channel, channelName] of names.entries()) {
    const id = String(channel);
    found.channel({ id, aliases: [], ...(channelName !== '' && { name: channelName }) });
    found.plane({ ...rest, plate, channel: id, t: 0, source: { path: join(root, path), sample: channel } });
  }
}
