import type { Dataset } from '../data/dataset';
import { readCheckpoint, writeModel } from '../network/checkpoint';
import type { Network } from '../network/network';
import { type Adaptation, type AdaptOptions, adapt } from './adaptation';

/**
 * Fits a model to another microscope and writes it: adapt's network in a file that says what was done.
 *
 * @param model the model file or run folder that the network was loaded from
 * @throws what adapt throws; model-invalid, disk-full, io-error
 */
export async function adaptModel(
  network: Network,
  model: string,
  data: Dataset,
  out: string,
  options: AdaptOptions = {},
): Promise<Adaptation> {
  const { training: _, plans: __, metrics: ___, ...checkpoint } = await readCheckpoint(model);
  const adaptation = await adapt(network, data, options);
  for (const [name, tensor] of checkpoint.tensors) {
    checkpoint.tensors.set(name, { shape: tensor.shape, values: await network.native.tensor(name) });
  }
  const { about = {} } = checkpoint;
  const { cells, layers, share } = adaptation;
  const note = `statistics of ${layers.join(', ')} moved by ${share} to those of ${cells} cells of another microscope`;
  const description = about.description === undefined ? note : `${about.description}; ${note}`;
  await writeModel(out, { ...checkpoint, about: { ...about, description } });
  return adaptation;
}
