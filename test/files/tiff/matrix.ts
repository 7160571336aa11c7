/** The TIFF matrix of test/fixtures/files/tiff: many small files and the samples of their pages. */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { brotliDecompressSync } from 'node:zlib';
import type { Samples } from '../../../src/files/tiff';

const folder = join(__dirname, '../../fixtures/files/tiff');

const arrays = {
  u1: Uint8Array,
  u2: Uint16Array,
  u4: Uint32Array,
  i1: Int8Array,
  i2: Int16Array,
  i4: Int32Array,
  f4: Float32Array,
  f8: Float64Array,
};
type TypeName = keyof typeof arrays;

/** A page that shows a part of a base image, inverted where it has a white, or one with samples of its own. */
type MatrixPage = { height: number; width: number; samples: number } & (
  | { base: string; top: number; left: number; white?: number }
  | { type: TypeName; at: number }
);

export interface MatrixFile {
  name: string;
  at: number;
  length: number;
  pages: MatrixPage[];
  /** A part of the message, where the file must be refused. */
  refused?: string;
}

interface Index {
  bases: Record<string, { at: number; type: TypeName; height: number; width: number }>;
  files: MatrixFile[];
}

const { bases, files }: Index = JSON.parse(readFileSync(join(folder, 'matrix.json'), 'utf8'));
const archive = brotliDecompressSync(readFileSync(join(folder, 'matrix.br')));

export const soundFiles = files.filter(({ refused }) => refused === undefined);
export const refusedFiles = files.filter(({ refused }) => refused !== undefined);

export function bytesOf({ at, length }: MatrixFile): Buffer {
  return Buffer.from(archive.subarray(at, at + length));
}

/** One sample of each pixel of a page, row by row. */
export function planeOf(page: MatrixPage, sample: number): Samples {
  const { height, width } = page;
  if ('at' in page) return view(page.type, page.at, sample * height * width, height * width);
  const base = bases[page.base]!;
  const plane = new arrays[base.type](height * width);
  for (let row = 0; row < height; row++) {
    const from = (sample * base.height + page.top + row) * base.width + page.left;
    plane.set(view(base.type, base.at, from, width) as never, row * width);
  }
  const { white } = page;
  return white === undefined ? plane : plane.map((value) => white - value);
}

function view(type: TypeName, at: number, first: number, length: number): Samples {
  const size = arrays[type].BYTES_PER_ELEMENT;
  const bytes = Uint8Array.from(archive.subarray(at + first * size, at + (first + length) * size));
  return new arrays[type](bytes.buffer);
}
