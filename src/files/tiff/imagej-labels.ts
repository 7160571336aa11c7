/** The labels that ImageJ gives the planes of a stack: the names of channels, where the planes are channels. */

import type { Directory } from './directory';

const tags = { byteCounts: 50838, metadata: 50839 } as const;
/** Labels of the largest stack that is read, in bytes. */
const mostBytes = 2 ** 24;
/** One entry of the header: four letters that name the kind, and how many parts it has. */
const entryBytes = 8;

/**
 * The labels of the planes in their order; none where the file has none, or none that can be read: ImageJ itself goes on
 * without them. The header ("IJIJ", then a kind and a count each) and every part have their lengths in a tag of their own;
 * texts are UTF-16 in the byte order of the file.
 */
export async function imageJLabels(first: Directory): Promise<string[]> {
  const lengths = await first.numbers(tags.byteCounts);
  if (!lengths || lengths.reduce((sum, length) => sum + length, 0) > mostBytes) return [];
  const bytes = await first.bytes(tags.metadata, mostBytes);
  const headerLength = lengths[0] ?? 0;
  if (!bytes || headerLength < 4 || headerLength > bytes.length) return [];
  let part = 1;
  let position = headerLength;
  for (let at = 4; at + entryBytes <= headerLength; at += entryBytes) {
    const letters = bytes.toString('latin1', at, at + 4);
    const kind = first.littleEndian ? [...letters].reverse().join('') : letters;
    const count = first.littleEndian ? bytes.readUInt32LE(at + 4) : bytes.readUInt32BE(at + 4);
    if (count > lengths.length - part) return [];
    const ofKind = lengths.subarray(part, part + count);
    const end = ofKind.reduce((sum, length) => sum + length, position);
    if (end > bytes.length) return [];
    if (kind === 'labl') return texts(bytes.subarray(position, end), ofKind, first.littleEndian);
    part += count;
    position = end;
  }
  return [];
}

function texts(bytes: Buffer, lengths: Float64Array, littleEndian: boolean): string[] {
  let position = 0;
  return Array.from(lengths, (length) => {
    const text = Buffer.from(bytes.subarray(position, position + length - (length % 2)));
    position += length;
    if (!littleEndian) text.swap16();
    return text.toString('utf16le');
  });
}
