import { stat } from 'node:fs/promises';
import { readCheckpoint, type WeightType, writeModel } from '../checkpoint';
import { parameterCount } from '../topology';

export interface SafetensorsExportOptions {
  /**
   * How weights are stored: float16 halves the file, each weight then to three digits; networks compute in float32 either
   * way. Default float32.
   */
  weights?: WeightType;
}

/**
 * Writes a model without what only a training needs (momentum, averages, its state).
 *
 * @param path a model file or a run folder, whose best model is taken
 * @throws model-invalid, disk-full, io-error
 */
export async function exportSafetensors(
  path: string,
  out: string,
  options: SafetensorsExportOptions = {},
): Promise<{ parameters: number; bytes: number; weights: WeightType }> {
  const { training: _, plans: __, ...model } = await readCheckpoint(path);
  const { weights = 'float32' } = options;
  await writeModel(out, model, { weights });
  return { parameters: parameterCount(model.topology), bytes: (await stat(out)).size, weights };
}
