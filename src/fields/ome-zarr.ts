/** What OME-Zarr metadata (versions 0.4 and 0.5) say of plates, wells and images. */

import { join } from 'node:path';
import { DeepYeastError } from '../errors';
import { innerPath, type JsonObject, property, readZarrNode, type ZarrNode } from './zarr-metadata';

/** A well of a plate. */
export interface OmeZarrWell {
  /** Below the plate: A/1. */
  path: string;
  row: string;
  column: string;
}

/** An image: its array of full resolution. */
export interface OmeZarrImage {
  array: string;
  /** Names of the axes of the array, y and x last. */
  axes: string[];
  shape: number[];
  /** '' where a channel has no name. */
  channelNames: string[];
  /** Micrometres. */
  pixelSize?: number;
}

/** Versions whose metadata are read; 0.1 to 0.3 are read where they look like 0.4. */
const versions = ['0.1', '0.2', '0.3', '0.4', '0.5'];

/** The OME part of a node's attributes: version 0.5 keeps it apart. */
export function omeAttributes(node: ZarrNode): JsonObject {
  const ome = property(node.attributes, 'ome');
  return node.version === 3 && ome !== undefined ? (ome as JsonObject) : node.attributes;
}

/** A node of a Zarr hierarchy. Throws `image-invalid` where the folder is none. */
export async function requireZarrNode(folder: string): Promise<ZarrNode> {
  const node = await readZarrNode(folder);
  if (!node) throw new DeepYeastError('image-invalid', `${folder} has no zarr.json, .zgroup or .zattrs, expected one`);
  return node;
}

/** Name and wells of a plate; undefined for a node that is none. Throws `image-invalid`. */
export function readPlate(node: ZarrNode): { name?: string; wells: OmeZarrWell[] } | undefined {
  const attributes = omeAttributes(node);
  const plate = property(attributes, 'plate');
  if (plate === undefined) return undefined;
  return checking(node, () => {
    requireVersion(property(attributes, 'version') ?? property(plate, 'version'));
    const name = property(plate, 'name');
    const [rows, columns] = ['rows', 'columns'].map((key) =>
      list(property(plate, key), key).map((entry) => text(property(entry, 'name'), `name in ${key}`)),
    ) as [string[], string[]];
    const wells = list(property(plate, 'wells'), 'wells').map((entry): OmeZarrWell => {
      const path = innerPath(property(entry, 'path'), 2);
      const [rowOfPath, columnOfPath] = path.split('/') as [string, string];
      return {
        path,
        row: at(rows, property(entry, 'rowIndex')) ?? rowOfPath,
        column: at(columns, property(entry, 'columnIndex')) ?? columnOfPath,
      };
    });
    return { wells, ...(typeof name === 'string' && name !== '' && { name }) };
  });
}

/** Paths of the images of a well, below it. Throws `image-invalid`. */
export function readWell(node: ZarrNode): string[] {
  return checking(node, () => {
    const well = property(omeAttributes(node), 'well');
    if (well === undefined) throw new Error('has no "well" in its attributes');
    return list(property(well, 'images'), 'images').map((image) => innerPath(property(image, 'path'), 1));
  });
}

/** Whether a node is an image. */
export function isImage(node: ZarrNode): boolean {
  return property(omeAttributes(node), 'multiscales') !== undefined;
}

/** The first multiscale image of a node, at full resolution. Throws `image-invalid`, `io-error`. */
export async function readImageInfo(node: ZarrNode): Promise<OmeZarrImage> {
  const { array, axes, scale, channelNames } = checking(node, () => readMultiscale(node));
  const found = await requireZarrNode(join(node.folder, array));
  return checking(found, () => {
    if (!found.array) throw new Error('is a group, expected the array of an image');
    const { shape } = found.array;
    if (axes.length !== shape.length) {
      throw new Error(`has the shape ${shape.join(' x ')}, expected the axes ${axes.join(', ')}`);
    }
    const pixelSize = scale?.at(-1);
    return { array, axes, shape, channelNames, ...(pixelSize !== undefined && { pixelSize }) };
  });
}

function readMultiscale(node: ZarrNode) {
  const attributes = omeAttributes(node);
  const [multiscale] = list(property(attributes, 'multiscales'), 'multiscales');
  requireVersion(property(attributes, 'version') ?? property(multiscale, 'version'));
  const [dataset] = list(property(multiscale, 'datasets'), 'datasets');
  const array = innerPath(property(dataset, 'path'), 1);
  const { axes, unit } = readAxes(property(multiscale, 'axes'));
  const factor = unit === undefined ? 1 : micrometresIn.get(unit);
  const transformations = property(dataset, 'coordinateTransformations');
  const scaling = Array.isArray(transformations)
    ? transformations.find((entry) => property(entry, 'type') === 'scale')
    : undefined;
  const scale = property(scaling, 'scale');
  const isScale =
    Array.isArray(scale) &&
    scale.length === axes.length &&
    scale.every((value): value is number => Number.isFinite(value) && value > 0);
  const labels = property(property(attributes, 'omero'), 'channels');
  const channelNames = Array.isArray(labels)
    ? labels.map((channel) => {
        const label = property(channel, 'label');
        return typeof label === 'string' ? label : '';
      })
    : [];
  // Without a unit the numbers mean nothing: a scale of 1 is what writers put who know none.
  const known = isScale && unit !== undefined && factor !== undefined;
  return { array, axes, channelNames, scale: known ? scale.map((value) => value * factor) : undefined };
}

const micrometresIn = new Map([
  ['micrometer', 1],
  ['nanometer', 1e-3],
  ['millimeter', 1e3],
  ['meter', 1e6],
]);

/** Axes are objects since version 0.4, names in 0.3, and the same five before. */
function readAxes(value: unknown): { axes: string[]; unit?: string } {
  if (value === undefined) return { axes: ['t', 'c', 'z', 'y', 'x'] };
  const entries = list(value, 'axes');
  const axes = entries.map((axis) =>
    typeof axis === 'string' ? axis : text(property(axis, 'name'), 'name of an axis'),
  );
  const outer = axes.slice(0, -2);
  if (axes.at(-2) !== 'y' || axes.at(-1) !== 'x' || outer.some((axis) => !['t', 'c', 'z'].includes(axis))) {
    throw new Error(`has the axes ${axes.join(', ')}, expected t, c and z (each may be missing), then y and x`);
  }
  if (new Set(axes).size !== axes.length) throw new Error(`has the axes ${axes.join(', ')}, expected each once`);
  const unit = property(entries.at(-1), 'unit');
  return typeof unit === 'string' ? { axes, unit } : { axes };
}

function requireVersion(version: unknown): void {
  if (version !== undefined && !versions.includes(version as string)) {
    throw new Error(`has the OME-Zarr version ${JSON.stringify(version)?.slice(0, 50)}, expected 0.4 or 0.5`);
  }
}

function list(value: unknown, what: string): unknown[] {
  if (!Array.isArray(value) || value.length === 0) throw new Error(`has no list "${what}" in its attributes`);
  return value;
}

function text(value: unknown, what: string): string {
  if (typeof value !== 'string')
    throw new Error(`has ${JSON.stringify(value)?.slice(0, 50)} as ${what}, expected text`);
  return value;
}

function at(names: readonly string[], index: unknown): string | undefined {
  return typeof index === 'number' ? names[index] : undefined;
}

/** Errors of the metadata become `image-invalid`, with the folder. */
function checking<Result>(node: ZarrNode, work: () => Result): Result {
  try {
    return work();
  } catch (error) {
    throw new DeepYeastError('image-invalid', `${node.folder} ${(error as Error).message}`, { cause: error });
  }
}
