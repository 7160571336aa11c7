/**
 * The safetensors container (https://github.com/huggingface/safetensors): eight bytes with the header's length (little
 * endian), the header as JSON, then the tensors' values one after the other without a gap. Of foreign files the header
 * is read whatever the types.
 */
import { close as closeCallback, fstat, open as openCallback, read as readCallback } from 'node:fs';
import { promisify } from 'node:util';
import { DeepYeastError, fileError } from '../errors';
import { fromFloat16 } from './float16';
import { parseJson } from './parse-json';

// Not node:fs/promises: a program that classifies one cell would wait 3 ms for it.
const open = promisify(openCallback);
const statusOf = promisify(fstat);
const readBytes = promisify(readCallback);
const close = promisify(closeCallback);

export interface SafetensorsEntry {
  dtype: string;
  shape: number[];
  /** Bytes from the first tensor's first byte. */
  begin: number;
  end: number;
}

export interface SafetensorsHeader {
  metadata: Map<string, string>;
  /** In the order of their values in the file. */
  tensors: Map<string, SafetensorsEntry>;
  /** Bytes before the first tensor's values. */
  dataOffset: number;
}

/** The reference implementation's own limit: a longer header is a broken length, not a model. */
const longestHeader = 100_000_000;
/** Bytes that are read at first, which hold most headers. */
const firstBytes = 1 << 16;
const alignment = 8;

const bytesPerValue: Readonly<Record<string, number>> = {
  BOOL: 1,
  U8: 1,
  I8: 1,
  F8_E4M3: 1,
  F8_E5M2: 1,
  U16: 2,
  I16: 2,
  F16: 2,
  BF16: 2,
  U32: 4,
  I32: 4,
  F32: 4,
  U64: 8,
  I64: 8,
  F64: 8,
};

function invalid(name: string, found: string, cause?: unknown): DeepYeastError {
  return new DeepYeastError('model-invalid', `${name} ${found}`, { cause });
}

/** The header's length from the file's first eight bytes. Throws `model-invalid` where it cannot be one. */
function headerLength(bytes: Uint8Array, fileSize: number, name: string): number {
  if (bytes.length < 8 || fileSize < 8) {
    throw invalid(name, `has ${fileSize} bytes; expected a safetensors file; copy it again or use another checkpoint`);
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const length = view.getBigUint64(0, true);
  if (length > BigInt(longestHeader)) {
    throw invalid(
      name,
      `says its header has ${length} bytes; expected at most ${longestHeader}: not a safetensors file`,
    );
  }
  if (8 + Number(length) > fileSize) {
    throw invalid(
      name,
      `ends inside its header: found ${fileSize} bytes, expected at least ${8 + Number(length)}; copy it again`,
    );
  }
  return Number(length);
}

/**
 * Reads a header from the first bytes of a file of `fileSize` bytes; `name` is for messages. Every entry is checked:
 * known type, whole shape, values that fill the file without gap or overlap. Throws `model-invalid`.
 */
export function parseSafetensorsHeader(bytes: Uint8Array, fileSize: number, name: string): SafetensorsHeader {
  const length = headerLength(bytes, fileSize, name);
  if (bytes.length < 8 + length) throw invalid(name, `ends inside its header of ${length} bytes; copy it again`);
  let root: unknown;
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes.subarray(8, 8 + length));
    root = parseJson(text, `the header of ${name}`, 'model-invalid');
  } catch (error) {
    throw invalid(name, 'has a header that is not JSON; expected a safetensors file', error);
  }
  if (!isRecord(root)) throw invalid(name, 'has a header that is not a JSON object; expected a safetensors file');
  const metadata = new Map<string, string>();
  const entries: [string, SafetensorsEntry][] = [];
  for (const [key, value] of Object.entries(root)) {
    if (key !== '__metadata__') {
      entries.push([key, parseEntry(key, value, name)]);
      continue;
    }
    if (!isRecord(value)) throw invalid(name, 'has __metadata__ that is not a JSON object; expected text by key');
    for (const [field, text] of Object.entries(value)) {
      if (typeof text !== 'string') throw invalid(name, `has __metadata__.${shown(field)} that is not text`);
      metadata.set(field, text);
    }
  }
  // Empty tensors share their begin with the next one: they come first.
  entries.sort(([, a], [, b]) => a.begin - b.begin || a.end - b.end);
  let position = 0;
  for (const [key, entry] of entries) {
    if (entry.begin !== position) {
      throw invalid(
        name,
        `has tensor ${shown(key)} at byte ${entry.begin}; expected it at ${position}, after the one before it`,
      );
    }
    position = entry.end;
  }
  const dataOffset = 8 + length;
  if (fileSize !== dataOffset + position) {
    const reason = fileSize < dataOffset + position ? 'truncated' : 'longer than its header says';
    throw invalid(
      name,
      `is ${reason}: found ${fileSize} bytes, expected ${dataOffset + position}; copy it again or use another checkpoint`,
    );
  }
  return { metadata, tensors: new Map(entries), dataOffset };
}

function parseEntry(key: string, value: unknown, name: string): SafetensorsEntry {
  const fail = (what: string) => invalid(name, `has tensor ${shown(key)} with ${what}`);
  if (!isRecord(value)) throw fail('an entry that is not a JSON object');
  const { dtype, shape, data_offsets: offsets } = value;
  const bytes = typeof dtype === 'string' && Object.hasOwn(bytesPerValue, dtype) ? bytesPerValue[dtype] : undefined;
  if (typeof dtype !== 'string' || bytes === undefined)
    throw fail(`the type ${shown(String(dtype))}, which is not known`);
  if (!Array.isArray(shape) || !shape.every(isCount)) throw fail('a shape that is not a list of counts');
  if (!Array.isArray(offsets) || offsets.length !== 2 || !offsets.every(isCount)) {
    throw fail('data_offsets that are not two byte positions');
  }
  const [begin, end] = offsets as [number, number];
  const expected = shape.reduce((product: number, extent: number) => product * extent, bytes);
  if (!Number.isSafeInteger(expected) || end - begin !== expected) {
    throw fail(`${end - begin} bytes; expected ${expected} for ${dtype} of shape [${shape.join(', ')}]`);
  }
  return { dtype, shape, begin, end };
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

/** A name from a foreign file, quoted and cut to a length that a message can hold. */
function shown(text: string): string {
  return JSON.stringify(text.length > 80 ? `${text.slice(0, 80)}...` : text);
}

/**
 * The bytes that go before the values of tensors (float32 unless `dtype` says otherwise), which must follow in this
 * order. Padded with spaces so that the values begin at a multiple of eight bytes, as the reference implementation pads.
 */
export function safetensorsHeader(
  metadata: ReadonlyMap<string, string>,
  tensors: Iterable<{ name: string; shape: readonly number[]; dtype?: string }>,
): Uint8Array {
  const header: Record<string, unknown> = { __metadata__: Object.fromEntries(metadata) };
  let position = 0;
  for (const { name, shape, dtype = 'F32' } of tensors) {
    const end = position + shape.reduce((product, extent) => product * extent, bytesPerValue[dtype] as number);
    header[name] = { dtype, shape, data_offsets: [position, end] };
    position = end;
  }
  const json = Buffer.from(JSON.stringify(header), 'utf8');
  const length = Math.ceil(json.length / alignment) * alignment;
  const bytes = Buffer.alloc(8 + length, ' ');
  bytes.writeBigUInt64LE(BigInt(length), 0);
  json.copy(bytes, 8);
  return bytes;
}

/**
 * Writes a file of tensors that are in memory, whole or not at all.
 *
 * @throws disk-full, io-error
 */
export async function writeSafetensors(
  path: string,
  metadata: ReadonlyMap<string, string>,
  tensors: readonly { name: string; shape: readonly number[]; dtype?: string; values: ArrayBufferView }[],
): Promise<void> {
  const { AtomicFile } = await import('./atomic-file.js'); // on first use: reading a model does without
  const file = await AtomicFile.create(path);
  try {
    await file.write(safetensorsHeader(metadata, tensors));
    for (const { values } of tensors) {
      await file.write(new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
    }
    await file.commit();
  } catch (error) {
    await file.abort();
    throw error;
  }
}

/** An open safetensors file: the header is in memory, values are read by position when asked for. */
export class SafetensorsFile {
  readonly path: string;
  readonly header: SafetensorsHeader;
  /** For native code as well; valid until close(). */
  readonly descriptor: number;

  private constructor(path: string, header: SafetensorsHeader, descriptor: number) {
    this.path = path;
    this.header = header;
    this.descriptor = descriptor;
  }

  /** Throws `model-invalid` for a broken file, `io-error` where it cannot be read. */
  static async open(path: string): Promise<SafetensorsFile> {
    let file: number | undefined;
    try {
      file = await open(path, 'r');
      const status = await statusOf(file);
      if (!status.isFile()) throw invalid(path, 'is not a file; expected a safetensors file');
      let bytes = await read(file, 0, Math.min(firstBytes, status.size), path);
      const length = 8 + headerLength(bytes, status.size, path);
      if (bytes.length < length) bytes = await read(file, 0, length, path);
      return new SafetensorsFile(path, parseSafetensorsHeader(bytes, status.size, path), file);
    } catch (error) {
      if (file !== undefined) await close(file);
      throw fileError('read', path, error);
    }
  }

  /** Whether a tensor is there, of that type. */
  has(name: string, dtype: string): boolean {
    return this.header.tensors.get(name)?.dtype === dtype;
  }

  /** The values of a tensor of float32 or float16, a copy. */
  async values(name: string): Promise<Float32Array> {
    if (this.has(name, 'F16')) {
      const halves = await this.bytes(name, 'F16');
      return fromFloat16(new Uint16Array(halves.buffer, halves.byteOffset, halves.length / 2));
    }
    const bytes = await this.bytes(name, 'F32');
    return new Float32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4);
  }

  /** The bytes of a tensor of that type, a copy in a buffer of its own. */
  async bytes(name: string, dtype: string): Promise<Uint8Array> {
    const { begin, end } = this.#entry(name, dtype);
    return read(this.descriptor, this.header.dataOffset + begin, end - begin, this.path);
  }

  /** Where a float32 tensor's first value lies in the file, in bytes. */
  positionOf(name: string): number {
    return this.header.dataOffset + this.#entry(name, 'F32').begin;
  }

  #entry(name: string, dtype: string): { begin: number; end: number } {
    const entry = this.header.tensors.get(name);
    if (entry === undefined) throw invalid(this.path, `has no tensor ${shown(name)}`);
    if (entry.dtype !== dtype)
      throw invalid(this.path, `has tensor ${shown(name)} of type ${entry.dtype}; expected ${dtype}`);
    return entry;
  }

  async close(): Promise<void> {
    await close(this.descriptor);
  }
}

async function read(file: number, position: number, length: number, path: string): Promise<Uint8Array> {
  const bytes = new Uint8Array(length);
  await readInto(bytes, file, position, path);
  return bytes;
}

async function readInto(bytes: Uint8Array, file: number, position: number, path: string): Promise<void> {
  const { length } = bytes;
  let done = 0;
  try {
    while (done < length) {
      const { bytesRead } = await readBytes(file, bytes, done, length - done, position + done);
      if (bytesRead === 0) throw invalid(path, `is truncated: it ended at byte ${position + done}; copy it again`);
      done += bytesRead;
    }
  } catch (error) {
    throw fileError('read', path, error);
  }
}
