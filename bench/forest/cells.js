// The made cells of a request, as forest.js wrote them, and the score of a forest's calls.
import { readFileSync } from 'node:fs';

export function readCells({ values, labels, rows, columns }) {
  const all = new Float32Array(new Uint8Array(readFileSync(values)).buffer);
  const truth = new Int32Array(new Uint8Array(readFileSync(labels)).buffer);
  return {
    training: { values: all.subarray(0, rows * columns), labels: truth.subarray(0, rows) },
    test: { values: all.subarray(rows * columns), labels: truth.subarray(rows) },
  };
}

export function accuracy(calls, labels) {
  return calls.reduce((correct, call, row) => correct + (call === labels[row] ? 1 : 0), 0) / labels.length;
}

/** Largest resident size of this process so far. */
export function peakMegabytes() {
  return process.resourceUsage().maxRSS / 1024;
}
