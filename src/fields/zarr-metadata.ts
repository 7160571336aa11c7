/**
 * Metadata of Zarr arrays and groups, versions 2 (.zarray, .zgroup, .zattrs) and 3 (zarr.json), checked before anything
 * is read by them: sizes are bounded, and nothing leads out of the folder.
 */

import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { DeepYeastError, fileError } from '../errors';

/** An object of JSON, in which anything may stand. */
export type JsonObject = { readonly [key: string]: unknown };

export interface ZarrNode {
  folder: string;
  version: 2 | 3;
  attributes: JsonObject;
  /** Left out: a group. */
  array?: ZarrArrayInfo;
}

export type ZarrType =
  | 'uint8'
  | 'int8'
  | 'uint16'
  | 'int16'
  | 'uint32'
  | 'int32'
  | 'uint64'
  | 'int64'
  | 'float32'
  | 'float64';

export interface ZarrArrayInfo {
  shape: number[];
  /** Of what is unpacked at once: a chunk, or a chunk within a shard. */
  chunkShape: number[];
  type: ZarrType;
}

const bytesOf: Record<ZarrType, number> = {
  uint8: 1,
  int8: 1,
  uint16: 2,
  int16: 2,
  uint32: 4,
  int32: 4,
  uint64: 8,
  int64: 8,
  float32: 4,
  float64: 8,
};

const typesOfVersion2: Record<string, ZarrType> = {
  u1: 'uint8',
  i1: 'int8',
  u2: 'uint16',
  i2: 'int16',
  u4: 'uint32',
  i4: 'int32',
  u8: 'uint64',
  i8: 'int64',
  f4: 'float32',
  f8: 'float64',
};

/** Bytes of a metadata file that are taken; those of a plate of 1,536 wells have less than 1 MB. */
const mostMetadataBytes = 2 ** 24;
/** Bytes of an unpacked chunk that are taken. */
const mostChunkBytes = 2 ** 28;
/** Chunks of a shard that are taken. */
const mostShardChunks = 2 ** 20;
const mostDimensions = 8;

/** Names of the files that make a folder a node of a Zarr hierarchy. */
export const zarrFiles = ['zarr.json', '.zarray', '.zgroup', '.zattrs'] as const;

/**
 * Reads the metadata of a folder; undefined where it is no node of a Zarr hierarchy.
 * @throws image-invalid for metadata that are damaged or beyond what is read; io-error
 */
export async function readZarrNode(folder: string): Promise<ZarrNode | undefined> {
  const current = await readJson(join(folder, 'zarr.json'));
  if (current) return naming(join(folder, 'zarr.json'), () => nodeOfVersion3(folder, current));
  const array = await readJson(join(folder, '.zarray'));
  const attributes = await readJson(join(folder, '.zattrs'));
  const group = array ? undefined : await readJson(join(folder, '.zgroup'));
  if (array) {
    return naming(join(folder, '.zarray'), () => ({
      folder,
      version: 2,
      attributes: attributes ?? {},
      array: arrayOfVersion2(array),
    }));
  }
  return group || attributes ? { folder, version: 2, attributes: attributes ?? {} } : undefined;
}

async function readJson(path: string): Promise<JsonObject | undefined> {
  let text: string;
  try {
    const file = await open(path);
    try {
      const { size } = await file.stat();
      if (size > mostMetadataBytes) {
        throw new DeepYeastError('image-invalid', `${path} has ${size} bytes, expected at most ${mostMetadataBytes}`);
      }
      text = (await file.readFile()).toString('utf8');
    } finally {
      await file.close();
    }
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    throw fileError('read', path, error);
  }
  return naming(path, () => {
    let value: unknown;
    try {
      value = JSON.parse(text.replace(/^\ufeff/, ''));
    } catch (error) {
      throw new Error(`is no JSON (${(error as Error).message.slice(0, 200)})`);
    }
    if (!isObject(value)) throw new Error('holds no JSON object');
    return value;
  });
}

function naming<Result>(path: string, work: () => Result): Result {
  try {
    return work();
  } catch (error) {
    if (error instanceof DeepYeastError) throw error;
    throw new DeepYeastError('image-invalid', `${path} ${(error as Error).message}`, { cause: error });
  }
}

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** A key's own value: a name such as `constructor` is none. */
export function property(object: unknown, key: string): unknown {
  return isObject(object) && Object.hasOwn(object, key) ? object[key] : undefined;
}

function nodeOfVersion3(folder: string, json: JsonObject): ZarrNode {
  if (json.zarr_format !== 3) throw new Error(`has the Zarr format ${String(json.zarr_format)}, expected 3`);
  const attributes = isObject(json.attributes) ? json.attributes : {};
  if (json.node_type === 'group') return { folder, version: 3, attributes };
  if (json.node_type !== 'array') throw new Error(`is a ${String(json.node_type)}, expected a group or an array`);
  return { folder, version: 3, attributes, array: arrayOfVersion3(json) };
}

function arrayOfVersion3(json: JsonObject): ZarrArrayInfo {
  const shape = sizes(json.shape, 'shape');
  const grid = property(json.chunk_grid, 'name');
  if (grid !== 'regular') throw new Error(`has the chunk grid ${String(grid)}, expected regular`);
  const gridShape = sizes(property(property(json.chunk_grid, 'configuration'), 'chunk_shape'), 'chunk_shape');
  const keys = property(json.chunk_key_encoding, 'name');
  if (keys !== 'default' && keys !== 'v2')
    throw new Error(`has the chunk keys ${String(keys)}, expected default or v2`);
  requireSeparator(property(property(json.chunk_key_encoding, 'configuration'), 'separator'));
  const type = json.data_type;
  if (typeof type !== 'string' || !Object.hasOwn(bytesOf, type)) throw unknownType(type);
  if (!Array.isArray(json.codecs) || !json.codecs.every((codec) => typeof property(codec, 'name') === 'string')) {
    throw new Error('has no list of codecs');
  }
  if (!Object.hasOwn(json, 'fill_value')) throw new Error('has no fill_value');
  const shard = json.codecs.find((codec) => property(codec, 'name') === 'sharding_indexed');
  let chunkShape = gridShape;
  if (shard) {
    const configuration = property(shard, 'configuration');
    chunkShape = sizes(property(configuration, 'chunk_shape'), 'chunk_shape of a shard');
    for (const key of ['codecs', 'index_codecs']) {
      if (!Array.isArray(property(configuration, key))) throw new Error(`has a shard without ${key}`);
    }
    if (json.codecs.length !== 1) throw new Error('has codecs beside those of its shards, expected none');
    if (property(configuration, 'index_location') === 'start')
      throw new Error('has indexes at the start of its shards, expected at their end');
    const inner = chunkShape;
    if (inner.length !== gridShape.length || gridShape.some((size, axis) => size % (inner[axis] as number) !== 0)) {
      throw new Error(`has shards of ${gridShape.join(' x ')}, which chunks of ${inner.join(' x ')} do not fill`);
    }
    const count = gridShape.reduce((product, size, axis) => product * (size / (inner[axis] as number)), 1);
    if (count > mostShardChunks) throw new Error(`has ${count} chunks in a shard, expected at most ${mostShardChunks}`);
  }
  return checked({ shape, chunkShape, type: type as ZarrType });
}

function arrayOfVersion2(json: JsonObject): ZarrArrayInfo {
  if (json.zarr_format !== 2) throw new Error(`has the Zarr format ${String(json.zarr_format)}, expected 2`);
  const { dtype } = json;
  const key = typeof dtype === 'string' ? /^[<>|](\w\d)$/.exec(dtype)?.[1] : undefined;
  if (key === undefined || !Object.hasOwn(typesOfVersion2, key)) throw unknownType(dtype);
  if (json.order !== 'C' && json.order !== 'F') throw new Error(`has the order ${String(json.order)}, expected C or F`);
  requireSeparator(json.dimension_separator);
  const compressor = json.compressor ?? null;
  if (compressor !== null && typeof property(compressor, 'id') !== 'string')
    throw new Error('has a compressor without id');
  const filters = json.filters ?? null;
  if (
    filters !== null &&
    !(Array.isArray(filters) && filters.every((filter) => typeof property(filter, 'id') === 'string'))
  ) {
    throw new Error('has filters without id');
  }
  return checked({
    shape: sizes(json.shape, 'shape'),
    chunkShape: sizes(json.chunks, 'chunks'),
    type: typesOfVersion2[key] as ZarrType,
  });
}

function unknownType(type: unknown): Error {
  return new Error(`has values of the type ${JSON.stringify(type)}, expected whole numbers or floats of 8 to 64 bits`);
}

function requireSeparator(separator: unknown): void {
  if (separator !== undefined && separator !== '.' && separator !== '/') {
    throw new Error(`has the separator ${JSON.stringify(separator)} in its chunk keys, expected . or /`);
  }
}

function sizes(value: unknown, what: string): number[] {
  if (
    !Array.isArray(value) ||
    value.length < 2 ||
    value.length > mostDimensions ||
    !value.every((size) => Number.isInteger(size) && size >= 1 && size <= 2 ** 40)
  ) {
    throw new Error(
      `has the ${what} ${JSON.stringify(value)?.slice(0, 200)}, expected 2 to ${mostDimensions} whole numbers of at least 1`,
    );
  }
  return value;
}

function checked(array: ZarrArrayInfo): ZarrArrayInfo {
  const { shape, chunkShape, type } = array;
  if (shape.length !== chunkShape.length) {
    throw new Error(`has chunks of ${chunkShape.length} dimensions, expected ${shape.length} as its shape`);
  }
  const bytes = chunkBytes(array);
  if (bytes > mostChunkBytes) {
    throw new Error(
      `has chunks of ${chunkShape.join(' x ')} ${type}, ${bytes} bytes, expected at most ${mostChunkBytes}`,
    );
  }
  return array;
}

/** Bytes of an unpacked chunk. */
export function chunkBytes({ chunkShape, type }: ZarrArrayInfo): number {
  return chunkShape.reduce((product, size) => product * size, bytesOf[type]);
}

/**
 * A path below a node, as metadata of a plate name wells and images. Throws an Error where it could lead elsewhere.
 * @param parts how many folders deep
 */
export function innerPath(value: unknown, parts: number): string {
  const valid =
    typeof value === 'string' &&
    value.split('/').length === parts &&
    value.split('/').every((part) => part !== '' && part !== '.' && part !== '..' && !/[\\\0]/.test(part));
  if (!valid) {
    throw new Error(`names the path ${JSON.stringify(value)?.slice(0, 200)}, expected ${parts} folders below it`);
  }
  return value;
}
