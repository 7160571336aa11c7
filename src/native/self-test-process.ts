/**
 * What src/native/self-test.ts runs in a process of its own for each backend: `node self-test-process.js DEVICE`. Prints
 * one line of JSON.
 */

import { DeepYeastError } from '../errors';
import { RandomStream } from '../random';
import { chooseDevice, type Device, loadAddon } from './index';
import { selfTestInputs, selfTestLogits } from './self-test-reference';

const topology = {
  imageSize: 64,
  channels: 2,
  blocks: [
    [64, 64],
    [128, 128],
    [256, 256, 256, 256],
  ],
  dense: [512, 512],
  classes: 12,
  dropout: 0.5,
  normalizationEpsilon: 1e-5,
  normalizationMomentum: 0.1,
};
const pixelsOfImage = 64 * 64 * 2;
/** Seconds that the speed is measured over, about. */
const period = 1;

async function main(device: Device): Promise<object> {
  const { seed, images, mean, scale } = selfTestInputs;
  const stream = new RandomStream(seed, 'simulation', 0, 0);
  const pixels = Uint8Array.from({ length: images * pixelsOfImage }, (_, i) => stream.word(i) >>> 24);
  const { options } = await chooseDevice(device, 'float32');
  const network = new (loadAddon().Network)({ topology, seed, threads: 0, ...options });
  try {
    const { description } = await network.ready();
    await network.setInputTransform(new Float32Array(pixelsOfImage).fill(mean), scale);
    const started = performance.now();
    const { logits } = await network.forward({ pixels });
    const first = (performance.now() - started) / 1000 / images;
    const count = Math.max(images, Math.min(2000, Math.round(period / first)));
    const many = new Uint8Array(count * pixelsOfImage);
    for (let i = 0; i < count; i++) many.set(pixels.subarray(0, pixelsOfImage), i * pixelsOfImage);
    const again = performance.now();
    await network.forward({ pixels: many });
    const imagesPerSecond = count / ((performance.now() - again) / 1000);
    return { device: description, error: errorOf(logits), imagesPerSecond };
  } finally {
    await network.close();
  }
}

/** max|y - r| / max|r| */
function errorOf(logits: Float32Array): number {
  const reference = selfTestLogits.flat();
  const largest = Math.max(...reference.map(Math.abs));
  return Math.max(...reference.map((value, i) => Math.abs((logits[i] ?? Number.NaN) - value))) / largest;
}

main((process.argv[2] ?? 'cpu') as Device)
  .catch((error: Error) => ({ failure: error instanceof DeepYeastError ? error.message : String(error.stack) }))
  .then((result) => process.stdout.write(`${JSON.stringify(result)}\n`));
