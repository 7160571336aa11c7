/**
 * Checks the skeleton of a TIFF file (TIFF 6.0 and BigTIFF) before a decoder trusts it: a damaged file may otherwise send
 * the decoder around a ring of pages, or make it ask for more memory than there is.
 */

/** Bytes of one value of each field type, by type number; 0: not a type. */
const typeBytes = [0, 1, 1, 2, 4, 8, 1, 1, 2, 4, 8, 4, 8, 4, 0, 0, 8, 8, 8];

const mostPages = 4096;
/** Samples of a page, of a strip or tile, that are taken: 8,192 x 8,192. */
const mostSamples = 2 ** 26;

const tags = {
  width: 256,
  height: 257,
  stripOffsets: 273,
  samplesPerPixel: 277,
  rowsPerStrip: 278,
  stripByteCounts: 279,
  tileWidth: 322,
  tileHeight: 323,
  tileOffsets: 324,
  tileByteCounts: 325,
} as const;

interface Field {
  count: number;
  /** The first value, where it is a whole number. */
  value: number;
}

/** Throws an Error that says what is wrong; where it returns, every field and every strip or tile lies within the file. */
export function checkTiffStructure(bytes: Buffer): void {
  const reader = new FieldReader(bytes);
  const visited = new Set<number>();
  let offset = reader.firstPage();
  while (offset !== 0) {
    if (visited.has(offset)) throw new Error('is damaged: its pages follow each other in a ring');
    if (visited.size >= mostPages) throw new Error(`has more than ${mostPages} pages`);
    visited.add(offset);
    const { fields, next } = reader.page(offset);
    checkPage(fields);
    offset = next;
  }
  if (visited.size === 0) throw new Error('is damaged: it has no pages');
}

function checkPage(fields: ReadonlyMap<number, Field>): void {
  const value = (tag: number, missing: number) => fields.get(tag)?.value ?? missing;
  const count = (tag: number) => fields.get(tag)?.count ?? 0;
  const width = value(tags.width, 0);
  const height = value(tags.height, 0);
  const samples = value(tags.samplesPerPixel, 1);
  if (!(width > 0 && height > 0 && samples > 0)) throw new Error('is damaged: it has a page without pixels');
  if (width * height * samples > mostSamples)
    throw new Error(`has a page of ${width} x ${height} x ${samples} samples, too many`);
  const tiled = fields.has(tags.tileWidth) || fields.has(tags.tileHeight);
  const blockWidth = tiled ? value(tags.tileWidth, 0) : width;
  const blockHeight = tiled ? value(tags.tileHeight, 0) : Math.min(value(tags.rowsPerStrip, height), height);
  if (!(blockWidth > 0 && blockHeight > 0) || blockWidth * blockHeight * samples > mostSamples) {
    throw new Error(`is damaged: it has ${tiled ? 'tiles' : 'strips'} of ${blockWidth} x ${blockHeight} pixels`);
  }
  const blocks = Math.ceil(width / blockWidth) * Math.ceil(height / blockHeight);
  const offsets = count(tiled ? tags.tileOffsets : tags.stripOffsets);
  const lengths = count(tiled ? tags.tileByteCounts : tags.stripByteCounts);
  if (offsets < blocks || lengths < blocks) {
    throw new Error(`is damaged: it lists ${offsets} ${tiled ? 'tiles' : 'strips'}, expected at least ${blocks}`);
  }
}

class FieldReader {
  private readonly bytes: Buffer;
  private readonly little: boolean;
  private readonly big: boolean;

  constructor(bytes: Buffer) {
    this.bytes = bytes;
    this.little = bytes[0] === 0x49;
    this.big = bytes.length > 3 && this.number(2, 2) === 43;
  }

  firstPage(): number {
    return this.big ? this.number(8, 8) : this.number(4, 4);
  }

  page(offset: number): { fields: Map<number, Field>; next: number } {
    const [countBytes, fieldBytes, offsetBytes] = this.big ? [8, 20, 8] : [2, 12, 4];
    const count = this.number(offset, countBytes);
    this.requireInside(offset + countBytes, count * fieldBytes + offsetBytes);
    const fields = new Map<number, Field>();
    for (let index = 0; index < count; index++) {
      const at = offset + countBytes + index * fieldBytes;
      fields.set(this.number(at, 2), this.field(at + 2));
    }
    return { fields, next: this.number(offset + countBytes + count * fieldBytes, offsetBytes) };
  }

  /** A field's type, count and value (or where its values are). */
  private field(at: number): Field {
    const wide = this.big ? 8 : 4;
    const type = this.number(at, 2);
    const size = typeBytes[type] ?? 0;
    if (size === 0) throw new Error(`is damaged: it has a field of the unknown type ${type}`);
    const count = this.number(at + 2, wide);
    const inline = count * size <= wide;
    const valueAt = inline ? at + 2 + wide : this.number(at + 2 + wide, wide);
    this.requireInside(valueAt, count * size);
    const whole = type === 3 || type === 4 || type === 16 || type === 1;
    return { count, value: whole && count > 0 ? this.number(valueAt, size) : Number.NaN };
  }

  private number(at: number, size: number): number {
    this.requireInside(at, size);
    if (size === 8) {
      const value = this.little ? this.bytes.readBigUInt64LE(at) : this.bytes.readBigUInt64BE(at);
      return Number(value);
    }
    return this.little ? this.bytes.readUIntLE(at, size) : this.bytes.readUIntBE(at, size);
  }

  private requireInside(at: number, length: number): void {
    if (!(at >= 0 && length >= 0 && at + length <= this.bytes.length)) {
      throw new Error(`is damaged or cut short: it points to byte ${at + length} of ${this.bytes.length}`);
    }
  }
}
