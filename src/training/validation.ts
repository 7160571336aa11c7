import type { Network } from '../network/network';
import type { LabelledCells } from './labelled-cells';

/** Minus the logarithm of the softmax's value at `label`, in double, as log-sum-exp against the largest logit. */
export function crossEntropy(logits: Float32Array, first: number, classes: number, label: number): number {
  let largest = Number.NEGATIVE_INFINITY;
  for (let k = 0; k < classes; k++) largest = Math.max(largest, logits[first + k] as number);
  let sum = 0;
  for (let k = 0; k < classes; k++) sum += Math.exp((logits[first + k] as number) - largest);
  return largest + Math.log(sum) - (logits[first + label] as number);
}

/** Index of the largest of `count` values, the lowest one of equals. */
function argmax(values: Float32Array, first: number, count: number): number {
  let best = 0;
  for (let k = 1; k < count; k++) if ((values[first + k] as number) > (values[first + best] as number)) best = k;
  return best;
}

/**
 * Mean cross-entropy in nats and accuracy of a network in inference mode over the labelled cells of a dataset.
 *
 * @throws aborted, images-truncated, closed
 */
export async function validate(
  network: Network,
  cells: LabelledCells,
  signal?: AbortSignal,
): Promise<{ loss: number; accuracy: number }> {
  const classes = network.classes.length;
  let loss = 0;
  let correct = 0;
  let next = 0;
  for await (const { start, count, logits } of network.predictBatches(cells.dataset, signal ? { signal } : {})) {
    for (; next < cells.rows.length && (cells.rows[next] as number) < start + count; next++) {
      const first = ((cells.rows[next] as number) - start) * classes;
      const label = cells.labels[next] as number;
      loss += crossEntropy(logits, first, classes, label);
      if (argmax(logits, first, classes) === label) correct++;
    }
  }
  return { loss: loss / cells.rows.length, accuracy: correct / cells.rows.length };
}
