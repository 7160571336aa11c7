import { DeepYeastError } from '../errors';
import { readCheckpointDescription } from './checkpoint';

/**
 * Pixels of a typical cell in the crops that a model was trained on: what fields are resampled to.
 *
 * @param model a model file or a run folder
 * @throws model-invalid where the model does not say it; io-error
 */
export async function modelCellDiameter(model: string): Promise<number> {
  const { input } = await readCheckpointDescription(model);
  if (input?.cellDiameter !== undefined) return input.cellDiameter;
  throw new DeepYeastError(
    'model-invalid',
    `${model} does not say how wide a typical cell of its training set is: give the pixels (--cell-diameter)`,
  );
}
