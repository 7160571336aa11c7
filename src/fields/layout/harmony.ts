/** Plates of Harmony (Opera Phenix, Operetta): images by their names, and by the index where there is one. */

import { basename, dirname, join, resolve } from 'node:path';
import { wellName } from '../../data/well';
import type { FoundPlane, FoundPlanes } from './found-plane';
import { type HarmonyImage, type HarmonyIndex, readHarmonyIndex } from './harmony-index';
import { type ImageName, presets } from './image-name';

/** An index, with the images of it that were found. */
interface OpenIndex extends HarmonyIndex {
  seen: Set<string>;
  /** Images in its folder that it does not list. */
  unlisted: string[];
}

/** Finds the planes among files, whose paths are relative to the root. */
export async function findHarmonyPlanes(root: string, paths: readonly string[], found: FoundPlanes): Promise<void> {
  const indexes = await readIndexes(root, paths, found);
  const indexPaths = new Set([...indexes.values()].map(({ path }) => path));
  for (const path of paths) {
    const full = join(root, path);
    if (indexPaths.has(full)) continue;
    const index = indexAbove(path, indexes);
    const listed = index?.images.get(basename(path));
    const named = presets.harmony.read(path);
    if (listed) index?.seen.add(listed.file);
    else if (typeof named === 'object') index?.unlisted.push(path);
    else {
      found.leftOut(full, "not named as Harmony's images");
      continue;
    }
    const plane = describePlane(root, path, index, listed, typeof named === 'object' ? named : undefined);
    const { channel } = plane;
    if (!found.hasChannel(channel)) {
      const channelName = index?.channels.get(channel)?.name;
      found.channel({
        id: channel,
        aliases: [`ch${channel}`],
        ...(channelName !== undefined && { name: channelName }),
      });
    }
    found.plane(plane);
  }
  for (const index of indexes.values()) tellIndex(index, found);
}

function describePlane(
  root: string,
  path: string,
  index: OpenIndex | undefined,
  listed: HarmonyImage | undefined,
  named: ImageName | undefined,
): FoundPlane {
  const channel = listed ? String(listed.channel) : (named?.channel as string);
  const z = listed?.z ?? named?.z;
  const pixelSize = index?.channels.get(channel)?.pixelSize;
  return {
    plate: index?.plate ?? plateOfFolder(root, path),
    well: listed && isOnPlate(listed) ? wellName(listed) : (named?.well ?? ''),
    field: listed ? String(listed.field) : (named?.field as string),
    channel,
    t: named?.t ?? listed?.t ?? 1,
    source: { path: join(root, path), ...(z !== undefined && { z }) },
    ...(pixelSize !== undefined && { pixelSize }),
    ...(listed?.position && { position: listed.position }),
  };
}

function isOnPlate({ row, column }: HarmonyImage): boolean {
  return row >= 1 && row <= 32 && column >= 1 && column <= 48;
}

/** Indexes by the folder, relative to the root, whose images they describe. */
async function readIndexes(
  root: string,
  paths: readonly string[],
  found: FoundPlanes,
): Promise<Map<string, OpenIndex>> {
  const candidates = new Map<string, string[]>();
  for (const path of paths) {
    if (indexRank(path) === undefined) continue;
    const folder = dirname(path);
    const described = isIndexFolder(folder) ? dirname(folder) : folder;
    candidates.set(described, [...(candidates.get(described) ?? []), path]);
  }
  const indexes = new Map<string, OpenIndex>();
  for (const [folder, files] of candidates) {
    files.sort((a, b) => (indexRank(a) as number) - (indexRank(b) as number));
    for (const file of files) {
      if (indexes.has(folder)) break;
      const index = await readHarmonyIndex(join(root, file));
      if (index) indexes.set(folder, { ...index, seen: new Set(), unlisted: [] });
    }
  }
  for (const { path, images } of indexes.values()) {
    if (images.size === 0) found.warning(`${path} lists no images: what is taken is told by the files' names`);
  }
  return indexes;
}

const indexNames = ['index.idx.xml', 'index.xml', 'index.ref.xml'];

/** Which of a folder's indexes is taken first; undefined: no index by its name. */
function indexRank(path: string): number | undefined {
  const rank = indexNames.indexOf(basename(path).toLowerCase());
  if (rank >= 0) return rank;
  return isIndexFolder(dirname(path)) && /\.xml$/i.test(path) ? indexNames.length : undefined;
}

function isIndexFolder(folder: string): boolean {
  return basename(folder).toLowerCase() === 'index';
}

/** The index of the nearest folder above a file. */
function indexAbove(path: string, indexes: ReadonlyMap<string, OpenIndex>): OpenIndex | undefined {
  for (let folder = dirname(path); ; folder = dirname(folder)) {
    const index = indexes.get(folder);
    if (index || folder === '.') return index;
  }
}

/** The plate that a measurement's folder is named after: PLATE__2024-01-31T10_11_12-Measurement 1/Images/... */
function plateOfFolder(root: string, path: string): string {
  let folder = dirname(resolve(root, path));
  while (/^(images|r\d{2,3}c\d{2,3})$/i.test(basename(folder))) folder = dirname(folder);
  return basename(folder).replace(/__\d{4}-\d{2}-\d{2}T.*$/, '');
}

/** What an index and the files beside it do not agree on. */
function tellIndex(index: OpenIndex, found: FoundPlanes): void {
  const missing = [...index.images.keys()].filter((file) => !index.seen.has(file));
  if (missing.length > 0) {
    found.warning(
      `${index.path} lists ${index.images.size} images, of which ${missing.length} are not there, ${missing[0]} for one`,
    );
  }
  if (index.images.size > 0 && index.unlisted.length > 0) {
    found.warning(
      `${index.unlisted.length} images are not listed in ${index.path} and taken by their names, ${index.unlisted[0]} for one`,
    );
  }
}
