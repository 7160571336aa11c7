/** Draws the fields of plates, each from its position in the plan alone. */
import { Draws } from '../draws';
import { plateTraits, proteinTraits } from '../traits';
import { type DrawnField, drawField } from './draw-field';
import type { PlatePlan } from './plate-plan';
import type { FieldRequest } from './request';
import { type FieldContents, fieldRequest } from './simulate-field';

/** All that drawing needs: plain data that can be sent to a process. */
export interface PlateData {
  readonly seed: number;
  readonly contents: FieldContents;
  readonly plan: PlatePlan;
}

/** Share of a field's area that is out of focus, in the fields that have such a part: on average 0.2. */
const lostPart = { from: 0.1, to: 0.3 } as const;

export class PlatePainter {
  readonly #data: PlateData;

  constructor(data: PlateData) {
    this.#data = data;
  }

  draw(index: number): DrawnField {
    return drawField(this.request(index));
  }

  /** What is to be drawn in the field of this number. Throws `invalid-argument`. */
  request(index: number): FieldRequest {
    const { seed, contents, plan } = this.#data;
    const field = plan.fields[index] as PlatePlan['fields'][number];
    const { plate, protein, compartment, second, fault } = plan.wells[field.well] as PlatePlan['wells'][number];
    const request = fieldRequest(contents, {
      seed,
      field: index,
      classes: plan.classes,
      compartment,
      second,
      protein: proteinTraits(seed, protein),
      plate: plateTraits(seed, plate),
      fault,
    });
    // A few fields have a part that is out of focus, the others none.
    const draws = new Draws(seed, 'field focus', index);
    const lost = draws.chance(Math.min(1, (2 * request.outOfFocus) / (lostPart.from + lostPart.to)));
    const share = Math.max(request.outOfFocus, draws.uniform(lostPart.from, lostPart.to));
    return { ...request, outOfFocus: lost ? share : 0 };
  }
}
