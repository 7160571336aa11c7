/** LZW as TIFF 6.0 has it: codes of 9 to 12 bits, highest bit first, one code earlier than GIF. */

const clearCode = 256;
const endCode = 257;
const firstFree = 258;
const mostCodes = 4096;

/**
 * Unpacks into `output` and returns how many bytes there were. Each string of the table has occurred in the output, so
 * the table holds where it began and how long it is.
 * @throws Error where a code refers to what is not there yet, or where the data go on after `output` is full
 */
export function unpackLzw(input: Uint8Array, output: Uint8Array): number {
  if (input.length > 1 && input[0] === 0 && ((input[1] as number) & 1) === 1) {
    throw new Error('has LZW data of before TIFF 6.0, lowest bit first, expected highest bit first');
  }
  const starts = new Int32Array(mostCodes);
  const lengths = new Int32Array(mostCodes);
  const inputLength = input.length;
  const outputLength = output.length;
  let next = firstFree;
  let width = 9;
  /** The first code of the next width: changed one code early, as all TIFF writers do. */
  let limit = 511;
  let bits = 0;
  let held = 0;
  let read = 0;
  let written = 0;
  /** Where the string of the code before began, and its length; 0 after a clear code. */
  let lastStart = 0;
  let lastLength = 0;
  for (;;) {
    if (held < width) {
      if (read + 1 < inputLength) {
        bits = (bits << 16) | ((input[read] as number) << 8) | (input[read + 1] as number);
        read += 2;
        held += 16;
      } else {
        // Some writers leave out the end code.
        if (read >= inputLength) return written;
        bits = (bits << 8) | (input[read++] as number);
        held += 8;
        if (held < width) return written;
      }
    }
    held -= width;
    const code = bits >>> held;
    bits &= (1 << held) - 1;
    const start = written;
    if (code < clearCode) {
      if (written === outputLength) throw new Error('unpacks to more than its header says');
      output[written++] = code;
    } else if (code >= firstFree) {
      let from = lastStart;
      let length = lastLength + 1;
      if (code < next) {
        from = starts[code] as number;
        length = lengths[code] as number;
      } else if (code > next || lastLength === 0 || next === mostCodes) {
        throw new Error('is damaged: its LZW data use a code before it is defined');
      }
      const end = written + length;
      if (end > outputLength) throw new Error('unpacks to more than its header says');
      // One byte after the other: a string that this code completes reads the byte that was written last.
      do output[written++] = output[from++] as number;
      while (written < end);
    } else if (code === endCode) {
      return written;
    } else {
      next = firstFree;
      width = 9;
      limit = 511;
      lastLength = 0;
      continue;
    }
    if (lastLength > 0 && next < mostCodes) {
      starts[next] = lastStart;
      lengths[next] = lastLength + 1;
      next++;
      if (next === limit && width < 12) {
        width++;
        limit = (1 << width) - 1;
      }
    }
    lastStart = start;
    lastLength = written - start;
  }
}
