/** How long a field takes on this machine, from its images to the posteriors of its cells. */

import { DeepYeastError } from '../errors';
import { rowOptions, threadsOf } from '../fields/append-fields';
import { makeFieldPart } from '../fields/field-part';
import { Limiter } from '../fields/limiter';
import type { Plate } from '../fields/plate';
import type { CellsOptions } from '../fields/plate-options';
import { type Survey, spread } from '../fields/survey';
import { Network } from '../network';
import type { ScreenFile } from './screen-options';

/** Fields that are timed, evenly spread over the screen. */
const timedFields = 3;

/**
 * Seconds a field takes: a few fields are cut and predicted, one after the other. Fields that cannot be used are passed
 * over.
 *
 * @throws image-invalid where none of the few can be used; what Network.load throws
 */
export async function measureSecondsPerField(
  screen: ScreenFile,
  plate: Pick<Plate, 'fields' | 'otherColumns'>,
  survey: Survey,
  options: CellsOptions,
): Promise<number> {
  const threads = threadsOf(options);
  const network = await Network.load(screen.model.path, { threads });
  try {
    const { fields } = plate;
    const chosen = spread(fields.length, timedFields);
    const seconds: number[] = [];
    let failure: unknown;
    const time = async (index: number) => {
      const start = performance.now();
      const { result } = await makeFieldPart(fields[index] as (typeof fields)[number], {
        ...{ options, survey, threads },
        rows: rowOptions(plate, options, survey),
        computing: new Limiter(1),
      });
      if (result.kept.length > 0) await network.predict(result.crops);
      return (performance.now() - start) / 1000;
    };
    for (const [turn, index] of chosen.entries()) {
      try {
        // The first time is thrown away: libraries are loaded and memory is touched for the first time.
        if (turn === 0) await time(index);
        seconds.push(await time(index));
      } catch (error) {
        if (!(error instanceof DeepYeastError) || error.code !== 'image-invalid') throw error;
        failure ??= error;
      }
    }
    if (seconds.length === 0) throw failure;
    return seconds.reduce((sum, value) => sum + value, 0) / seconds.length;
  } finally {
    await network.close();
  }
}
