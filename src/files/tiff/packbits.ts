/** Padding that some writers put behind the data. */
const mostPadding = 3;

/**
 * Unpacks PackBits (run lengths of bytes) into `output` and returns how many bytes there were.
 * @throws Error where the data end within a run, or go on after `output` is full
 */
export function unpackPackBits(input: Uint8Array, output: Uint8Array): number {
  let read = 0;
  let written = 0;
  while (read < input.length) {
    if (written === output.length && input.length - read <= mostPadding) return written;
    const control = input[read++] as number;
    if (control === 128) continue;
    const length = control < 128 ? control + 1 : 257 - control;
    if (written + length > output.length) throw new Error('unpacks to more than its header says');
    if (control < 128) {
      if (read + length > input.length) throw new Error('is damaged or cut short: its PackBits data end within a run');
      if (length < 16) for (let at = 0; at < length; at++) output[written + at] = input[read + at] as number;
      else output.set(input.subarray(read, read + length), written);
      read += length;
    } else {
      if (read >= input.length) throw new Error('is damaged or cut short: its PackBits data end within a run');
      output.fill(input[read++] as number, written, written + length);
    }
    written += length;
  }
  return written;
}
