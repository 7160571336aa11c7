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
  let bits = 0;
  let held = 0;
  let read = 0;
  let written = 0;
  /** Where the string of the code before began, and its length; 0 after a clear code. */
  let lastStart = 0;
  let lastLength = 0;
  for (;;) {
    while (held < width) {
      // Some writers leave out the end code.
      if (read >= inputLength) return written;
      bits = ((bits << 8) | (input[read++] as number)) & 0xffffff;
      held += 8;
    }
    held -= width;
    const code = (bits >>> held) & ((1 << width) - 1);
    if (code === endCode) return written;
    if (code === clearCode) {
      next = firstFree;
      width = 9;
      lastLength = 0;
      continue;
    }
    if (written === outputLength) throw new Error('unpacks to more than its header says');
    const start = written;
    if (code < clearCode) {
      output[written++] = code;
    } else {
      // The string that this very code completes is in the table already, one byte ahead of the output.
      if (lastLength > 0 && code === next && next < mostCodes) {
        starts[next] = lastStart;
        lengths[next] = lastLength + 1;
      } else if (code >= next) {
        throw new Error('is damaged: its LZW data use a code before it is defined');
      }
      let from = starts[code] as number;
      const length = lengths[code] as number;
      if (written + length > outputLength) throw new Error('unpacks to more than its header says');
      for (const end = written + length; written < end; ) output[written++] = output[from++] as number;
    }
    if (lastLength > 0 && next < mostCodes) {
      starts[next] = lastStart;
      lengths[next] = lastLength + 1;
      next++;
      // Changed one code early, as all TIFF writers do.
      if (next + 1 >= 1 << width && width < 12) width++;
    }
    lastStart = start;
    lastLength = written - start;
  }
}
