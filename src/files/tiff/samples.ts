/** Unpacked bytes of strips and tiles as numbers. The machine is little endian, as every platform of this package is. */

import type { SampleFormat } from './page';

/** Samples of one plane, row by row. Floats of 16 and 24 bits become 32-bit ones, which hold them exactly. */
export type Samples =
  | Uint8Array
  | Uint16Array
  | Uint32Array
  | Int8Array
  | Int16Array
  | Int32Array
  | Float32Array
  | Float64Array;

interface SampleType {
  bits: number;
  format: SampleFormat;
}

/** An array for samples of a type. */
export function newSamples({ bits, format }: SampleType, length: number): Samples {
  if (format === 'float') return bits === 64 ? new Float64Array(length) : new Float32Array(length);
  if (format === 'signed') {
    return bits <= 8 ? new Int8Array(length) : bits <= 16 ? new Int16Array(length) : new Int32Array(length);
  }
  return bits <= 8 ? new Uint8Array(length) : bits <= 16 ? new Uint16Array(length) : new Uint32Array(length);
}

/** Whether samples lie in a file as they do in memory, but for the order of their bytes. */
export function storedAsInMemory({ bits, format }: SampleType): boolean {
  return format === 'float' ? bits === 32 || bits === 64 : bits === 8 || bits === 16 || bits === 32;
}

/** Swaps the bytes of numbers of 16, 32 or 64 bits, in place. */
export function swapBytes(bytes: Uint8Array, bits: number): void {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length - (bytes.length % (bits / 8)));
  if (bits === 16) buffer.swap16();
  else if (bits === 32) buffer.swap32();
  else if (bits === 64) buffer.swap64();
}

const reversed = Uint8Array.from({ length: 256 }, (_, byte) => {
  let result = 0;
  for (let bit = 0; bit < 8; bit++) result |= ((byte >> bit) & 1) << (7 - bit);
  return result;
});

/** The bytes with their bits in the opposite order (FillOrder 2). */
export function reverseBits(bytes: Uint8Array): Uint8Array {
  const result = new Uint8Array(bytes.length);
  for (let at = 0; at < bytes.length; at++) result[at] = reversed[bytes[at] as number] as number;
  return result;
}

/**
 * The numbers in `rows` rows of `rowBytes` bytes with `rowSamples` samples each. Where samples lie in a file as in memory
 * the bytes must be in the machine's order, else in the order that `little` says; rows of packed samples begin at a byte.
 */
export function toNumbers(
  bytes: Uint8Array,
  type: SampleType,
  rows: number,
  rowSamples: number,
  rowBytes: number,
  little: boolean,
): Samples {
  const length = rows * rowSamples;
  if (storedAsInMemory(type)) return viewNumbers(bytes, type, length);
  const { bits, format } = type;
  if (format === 'float') {
    if (bits === 16) return fromFloat16(new Uint16Array(bytes.buffer, bytes.byteOffset, length));
    return fromFloat24(bytes, length, little);
  }
  const values = newSamples(type, length);
  unpackBits(bytes, values, bits, rows, rowSamples, rowBytes);
  return values;
}

function viewNumbers(bytes: Uint8Array, { bits, format }: SampleType, length: number): Samples {
  const { buffer, byteOffset } = bytes;
  if (format === 'float') {
    return bits === 64 ? new Float64Array(buffer, byteOffset, length) : new Float32Array(buffer, byteOffset, length);
  }
  if (format === 'signed') {
    if (bits === 8) return new Int8Array(buffer, byteOffset, length);
    return bits === 16 ? new Int16Array(buffer, byteOffset, length) : new Int32Array(buffer, byteOffset, length);
  }
  if (bits === 8) return new Uint8Array(buffer, byteOffset, length);
  return bits === 16 ? new Uint16Array(buffer, byteOffset, length) : new Uint32Array(buffer, byteOffset, length);
}

/** Samples of any number of bits, highest bit first whatever the file's byte order. */
function unpackBits(
  bytes: Uint8Array,
  values: Samples,
  bits: number,
  rows: number,
  rowSamples: number,
  rowBytes: number,
): void {
  let to = 0;
  for (let row = 0; row < rows; row++) {
    let from = row * rowBytes;
    let held = 0;
    let left = 0;
    if (bits <= 24) {
      const mask = (1 << bits) - 1;
      for (let sample = 0; sample < rowSamples; sample++) {
        while (left < bits) {
          held = (held << 8) | (bytes[from++] as number);
          left += 8;
        }
        left -= bits;
        values[to++] = (held >>> left) & mask;
        held &= (1 << left) - 1;
      }
    } else {
      // Up to 39 bits are held, more than the bitwise operators take.
      for (let sample = 0; sample < rowSamples; sample++) {
        while (left < bits) {
          held = held * 256 + (bytes[from++] as number);
          left += 8;
        }
        left -= bits;
        const value = Math.floor(held / 2 ** left);
        values[to++] = value;
        held -= value * 2 ** left;
      }
    }
  }
}

let float16: Float32Array | undefined;

/** IEEE half precision, by a table of all 65,536. */
function fromFloat16(words: Uint16Array): Float32Array {
  float16 ??= Float32Array.from({ length: 1 << 16 }, (_, word) => smallFloat(word, 5, 10));
  const table = float16;
  const values = new Float32Array(words.length);
  for (let at = 0; at < values.length; at++) values[at] = table[words[at] as number] as number;
  return values;
}

/** Floats of 24 bits: a sign, 7 bits of exponent, 16 of the fraction. */
function fromFloat24(bytes: Uint8Array, length: number, little: boolean): Float32Array {
  const values = new Float32Array(length);
  const [low, high] = little ? [0, 2] : [2, 0];
  for (let at = 0, from = 0; at < length; at++, from += 3) {
    const [top, middle, bottom] = [bytes[from + high], bytes[from + 1], bytes[from + low]] as [number, number, number];
    values[at] = smallFloat((top << 16) | (middle << 8) | bottom, 7, 16);
  }
  return values;
}

function smallFloat(word: number, exponentBits: number, fractionBits: number): number {
  const sign = (word >>> (exponentBits + fractionBits)) & 1 ? -1 : 1;
  const largest = 2 ** exponentBits - 1;
  const exponent = (word >>> fractionBits) & largest;
  const fraction = (word & (2 ** fractionBits - 1)) / 2 ** fractionBits;
  const bias = 2 ** (exponentBits - 1) - 1;
  if (exponent === largest) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return exponent === 0 ? sign * fraction * 2 ** (1 - bias) : sign * (1 + fraction) * 2 ** (exponent - bias);
}

/**
 * Copies one sample of each pixel of a block into a plane.
 * @param values the block: rows of `blockWidth` pixels of `blockSamples` samples
 */
export function placeSamples(
  plane: Samples,
  planeWidth: number,
  values: Samples,
  block: {
    left: number;
    top: number;
    width: number;
    rows: number;
    blockWidth: number;
    blockSamples: number;
    sample: number;
  },
): void {
  const { left, top, width, rows, blockWidth, blockSamples, sample } = block;
  for (let row = 0; row < rows; row++) {
    const to = (top + row) * planeWidth + left;
    const from = row * blockWidth * blockSamples;
    if (blockSamples === 1) {
      plane.set(values.subarray(from, from + width) as never, to);
    } else {
      for (let at = 0, source = from + sample; at < width; at++, source += blockSamples)
        plane[to + at] = values[source] as number;
    }
  }
}

/** Turns samples of which 0 is white (PhotometricInterpretation 0), in place. */
export function invert(values: Samples, bits: number): void {
  const white = 2 ** bits - 1;
  for (let at = 0; at < values.length; at++) values[at] = white - (values[at] as number);
}
