/**
 * What a Keras file holds, before anything is made of it: attributes `layer_names` and `weight_names`, in pieces
 * layer_names0, layer_names1 ... where they are long, and the weights' values. HDF5 is read in a process of its own
 * (keras-file-process.ts): a damaged file can make its reader take all memory.
 */
import { stat } from 'node:fs/promises';
import { DeepYeastError, fileError } from '../../errors';
import { compiledModule, inSeparateProcess, limitsFor } from '../../files/separate-process';

export interface KerasWeight {
  shape: number[];
  values: Float32Array;
}

/** A layer of the file with its weights by their last name: kernel, bias, gamma ... */
export interface StoredLayer {
  name: string;
  weights: Map<string, KerasWeight>;
}

export interface KerasFile {
  layers: StoredLayer[];
  /** model_config of a whole model, a JSON text. */
  configuration?: string;
}

/**
 * Reads the weights of a file that Keras wrote as HDF5, and the configuration where it is a whole model.
 *
 * @throws foreign-model-invalid, io-error
 */
export async function readKerasFile(path: string): Promise<KerasFile> {
  let size: number;
  try {
    size = (await stat(path)).size;
  } catch (error) {
    throw fileError('read', path, error);
  }
  const died = (reason: string) =>
    new DeepYeastError('foreign-model-invalid', `${path} is no HDF5 file that can be read: reading it ${reason}`);
  for await (const file of inSeparateProcess<string, KerasFile>({
    module: compiledModule(__dirname, 'keras-file-process'),
    request: path,
    limits: limitsFor(size),
    died,
  })) {
    return file;
  }
  throw died('gave nothing');
}
