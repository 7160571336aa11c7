/** The learning curve of fine-tuning: the network trained on few cells of the new compartments, size by size. */
import { throwIfAborted } from '../abort';
import type { Network } from '../network/network';
import { type FineTuneOptions, fineTune } from './fine-tuning';
import {
  accuracyOf,
  type CurvePoint,
  curvePoint,
  nestedDraws,
  possibleSizes,
  type TransferLabels,
  transferSizes,
} from './learning-curve';
import type { Part, TransferData } from './transfer-data';

export interface FineTuningCurveOptions {
  /** How the network is tuned, and fewer sizes or draws where time is short. */
  fineTuning?: FineTuneOptions & { sizes?: readonly number[]; draws?: number };
  sizes?: readonly number[];
  signal?: AbortSignal | undefined;
}

/**
 * Fine-tunes once a size and draw, on the same cells as the other methods.
 * @param rows positions of the labelled cells in the datasets
 * @throws aborted, out-of-memory
 */
export async function fineTuningCurve(
  network: Network,
  data: TransferData,
  rows: Record<Part, Uint32Array>,
  labels: TransferLabels,
  options: FineTuningCurveOptions,
  seed: number,
  draws: number,
): Promise<CurvePoint[]> {
  const { fineTuning = {}, signal } = options;
  const { classes } = labels;
  const wanted = fineTuning.sizes ?? options.sizes ?? transferSizes;
  const sizes = possibleSizes(labels.training, classes, wanted);
  const drawn = nestedDraws(labels.training, classes.length, fineTuning.draws ?? draws, seed);
  const { layers = 'all' } = fineTuning;
  const points: CurvePoint[] = [];
  for (const size of sizes) {
    const accuracies: number[] = [];
    for (const [draw, ofClass] of drawn.entries()) {
      throwIfAborted(signal);
      const chosen = ofClass.flatMap((cells) => Array.from(cells.subarray(0, size)));
      const tuned = await fineTune(
        network,
        data.training,
        Uint32Array.from(chosen, (at) => rows.training[at] as number),
        Int32Array.from(chosen, (at) => labels.training[at] as number),
        classes,
        { ...fineTuning, seed: seed + draw, signal },
      );
      try {
        const { posteriors } = await tuned.predict(data.test, signal ? { signal } : {});
        const k = classes.length;
        const labelled = Float32Array.from({ length: rows.test.length * k }, (_, i) => {
          const cell = rows.test[Math.floor(i / k)] as number;
          return posteriors[cell * k + (i % k)] as number;
        });
        accuracies.push(accuracyOf(labelled, labels.test, k));
      } finally {
        await tuned.close();
      }
    }
    // Nothing was picked: the rate and the length are given.
    const setting = `rate ${fineTuning.learningRate ?? 0.005}`;
    points.push(
      curvePoint({
        features: `${layers} layers`,
        classifier: 'fine-tuning',
        selection: 'fixed',
        size,
        accuracies,
        settings: accuracies.map(() => setting),
      }),
    );
  }
  return points;
}
