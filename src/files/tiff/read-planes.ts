/** The samples of a page, plane by plane, from its strips or tiles. */

import type { RandomAccessFile } from '../random-access-file';
import { decompress } from './decompress';
import { unpackJpeg } from './jpeg';
import {
  blockPositions,
  compressions,
  jpegTables,
  mostBytes,
  type PageLayout,
  photometrics,
  type TiffPage,
} from './page';
import { undoDifferences, undoFloatPlanes } from './predictor';
import {
  invert,
  newSamples,
  placeSamples,
  reverseBits,
  type Samples,
  storedAsInMemory,
  swapBytes,
  toNumbers,
} from './samples';

/** Neighbouring strips are read together, up to this many bytes. */
const readTogether = 1 << 23;
/** Strips that are unpacked at once: as many as there are threads for Deflate. */
const unpackTogether = 4;

/** One strip or tile: where it is in the file and which part of the page it covers. */
interface Block {
  number: number;
  offset: number;
  length: number;
  left: number;
  top: number;
  /** Columns and rows that belong to the page. */
  width: number;
  rows: number;
  /** The sample that it holds where samples are separate. */
  sample: number;
}

/**
 * Reads the given samples of a page, each as one array of its own.
 * @throws Error that says what is wrong, without the path
 */
export async function readPlanes(
  file: RandomAccessFile,
  page: TiffPage,
  layout: PageLayout,
  samples: readonly number[],
): Promise<Samples[]> {
  if (page.unsupported !== undefined) throw new Error(page.unsupported);
  const blocks = await findBlocks(file, page, layout, samples);
  const planes = samples.map(() => newSamples(page, page.width * page.height));
  if (!(await readPlain(file, page, layout, blocks, planes))) {
    const tables = layout.compression === compressions.jpeg ? await jpegTables(layout.directory) : undefined;
    for (const group of neighbours(blocks)) {
      const start = (group[0] as Block).offset;
      const last = group.at(-1) as Block;
      const bytes = await file.read(start, last.offset + last.length - start);
      const work = async (block: Block) => {
        const packed = bytes.subarray(block.offset - start, block.offset - start + block.length);
        const values = await naming(page, layout, block, () => unpackBlock(page, layout, block, packed, tables));
        placeBlock(page, layout, block, values, samples, planes);
      };
      for (let at = 0; at < group.length; at += unpackTogether) {
        await Promise.all(group.slice(at, at + unpackTogether).map(work));
      }
    }
  }
  if (page.photometric === photometrics.whiteIsZero) for (const plane of planes) invert(plane, page.bits);
  return planes;
}

function placeBlock(
  page: TiffPage,
  layout: PageLayout,
  block: Block,
  values: Samples,
  samples: readonly number[],
  planes: readonly Samples[],
): void {
  const { left, top, width, rows } = block;
  const { blockWidth, blockSamples, separate } = layout;
  for (const [at, sample] of samples.entries()) {
    if (separate && sample !== block.sample) continue;
    const place = { left, top, width, rows, blockWidth, blockSamples, sample: separate ? 0 : sample };
    placeSamples(planes[at] as Samples, page.width, values, place);
  }
}

/** The strips or tiles that hold the samples, in the order of the page. */
async function findBlocks(
  file: RandomAccessFile,
  page: TiffPage,
  layout: PageLayout,
  samples: readonly number[],
): Promise<Block[]> {
  const { across, down, blockWidth, blockHeight, separate, rowBytes, tiled, compression } = layout;
  const perSample = across * down;
  const { offsets, byteCounts } = await blockPositions(
    layout.directory,
    separate ? perSample * page.samples : perSample,
  );
  const blocks: Block[] = [];
  let total = 0;
  for (const sample of separate ? [...new Set(samples)] : [0]) {
    for (let at = 0; at < perSample; at++) {
      const number = separate ? sample * perSample + at : at;
      const left = (at % across) * blockWidth;
      const top = Math.floor(at / across) * blockHeight;
      const rows = Math.min(blockHeight, page.height - top);
      const offset = offsets[number] as number;
      const given = byteCounts[number] as number;
      const needed = rowBytes * (tiled ? blockHeight : rows);
      let length = given;
      if (compression === compressions.none) {
        // As libtiff has it: a length of 0, or the wrong one of a single strip, is computed.
        if (given >= needed || given === 0 || (perSample === 1 && !tiled)) length = needed;
        else throw new Error(`is damaged: ${nameOf(page, layout, number)} has ${given} bytes, expected ${needed}`);
      }
      if (offset === 0 || length === 0)
        throw new Error(`is damaged: ${nameOf(page, layout, number)} is missing (no position or no length)`);
      if (offset + length > file.length) {
        throw new Error(
          `is damaged or cut short: ${nameOf(page, layout, number)} ends at byte ${offset + length} of ${file.length}`,
        );
      }
      total += length;
      blocks.push({ number, offset, length, left, top, width: Math.min(blockWidth, page.width - left), rows, sample });
    }
  }
  // Strips may share bytes, as equal tiles do, but not all of them the whole file.
  if (total > 4 * file.length + mostBytes) throw new Error(`is damaged: the strips of page ${page.index} overlap`);
  return blocks;
}

function nameOf(page: TiffPage, layout: PageLayout, number: number): string {
  return `${layout.tiled ? 'tile' : 'strip'} ${number} of page ${page.index}`;
}

async function naming<Result>(
  page: TiffPage,
  layout: PageLayout,
  block: Block,
  work: () => Promise<Result>,
): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    const [reason] = (error as Error).message.split('\n', 1);
    throw new Error(`${nameOf(page, layout, block.number)} ${reason}`, { cause: error });
  }
}

/**
 * The usual micrograph: strips of plain samples, one after the other in the file, are read straight into the plane.
 * Returns false where the page is laid out otherwise.
 */
async function readPlain(
  file: RandomAccessFile,
  page: TiffPage,
  layout: PageLayout,
  blocks: readonly Block[],
  planes: readonly Samples[],
): Promise<boolean> {
  const plain =
    layout.compression === compressions.none &&
    layout.fillOrder === 1 &&
    !layout.tiled &&
    layout.blockSamples === 1 &&
    storedAsInMemory(page);
  if (!plain || planes.length !== 1) return false;
  const first = blocks[0] as Block;
  let end = first.offset;
  for (const block of blocks) {
    if (block.offset !== end) return false;
    end += layout.rowBytes * block.rows;
  }
  const [plane] = planes as [Samples];
  const bytes = new Uint8Array(plane.buffer, plane.byteOffset, plane.byteLength);
  await file.readInto(bytes, first.offset);
  if (!layout.directory.littleEndian) swapBytes(bytes, page.bits);
  return true;
}

/** Blocks that follow each other in the file, in groups that are read at once. */
function neighbours(blocks: readonly Block[]): Block[][] {
  const groups: Block[][] = [];
  let group: Block[] = [];
  for (const block of blocks) {
    const last = group.at(-1);
    const first = group[0];
    const follows = last && first && block.offset === last.offset + last.length;
    if (follows && block.offset + block.length - first.offset <= readTogether) {
      group.push(block);
    } else {
      group = [block];
      groups.push(group);
    }
  }
  return groups;
}

/** The samples of one strip or tile: all rows of a tile, the rows within the page of a strip. */
async function unpackBlock(
  page: TiffPage,
  layout: PageLayout,
  block: Block,
  packed: Uint8Array,
  tables: Uint8Array | undefined,
): Promise<Samples> {
  const { compression, predictor, blockSamples, blockWidth, blockHeight, rowBytes, tiled, directory } = layout;
  const rows = tiled ? blockHeight : block.rows;
  if (compression === compressions.jpeg) {
    const components = blockSamples as 1 | 3;
    const ycbcr = page.photometric === photometrics.ycbcr;
    return unpackJpeg(packed, tables, { width: blockWidth, least: rows, most: blockHeight, components, ycbcr });
  }
  const ordered = layout.fillOrder === 2 ? reverseBits(packed) : packed;
  const bytes = await decompress(compression, ordered, rowBytes * blockHeight, rowBytes * rows);
  const rowSamples = blockWidth * blockSamples;
  let little = directory.littleEndian;
  if (predictor === 3) {
    undoFloatPlanes(bytes, page.bits / 8, rows, rowSamples, blockSamples);
    little = true;
  } else {
    if (!little) swapBytes(bytes, page.bits);
    if (predictor === 2) undoDifferences(bytes, page.bits, rows, rowSamples, blockSamples);
  }
  return toNumbers(bytes, page, rows, rowSamples, rowBytes, little);
}
