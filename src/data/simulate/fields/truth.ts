/** What is planted in a field: its label image, and what every label is. */
import type { Compartment } from '../../compartments';
import type { Body } from '../canvas';
import type { Stage } from '../geometry';
import type { DeadKind } from './dead-cell';
import { isUnsure } from './focus';
import { claims, LabelImage } from './label-image';
import { type BodyLight, outlineInset } from './outline';
import { onPatch, type Patch } from './patch';
import { type FieldRequest, usualDiameter } from './request';

/** One labelled body of a field: a cell, or a bud beside its mother. */
export interface SimulatedFieldCell {
  label: number;
  /** Centroid of the mask in pixels; (0, 0) is the centre of the first pixel. */
  x: number;
  y: number;
  /** Pixels of the mask. */
  area: number;
  /** Touches the field's border. */
  border: boolean;
  /** The mother's label, 0 for a cell that is no bud (or whose mother is not seen). */
  budOf: number;
  /** `unsure`: in another plane, out of focus, or a nub that may be a very young bud. */
  flag: 'ok' | 'dead' | 'unsure';
  /** Where it lies: in a clump, alone, or away from the focal plane. */
  layer: 'dense' | 'sparse' | 'other-plane';
  /** The compartment that it looks like where that is not the protein's, else ''. */
  looks: Compartment | '';
  stage: Stage | '';
  /** Of a dead cell. */
  dead: DeadKind | '';
  /** Diameter of the circle with the body's area, in pixels: the body, not its mask. */
  diameter: number;
  /** Sigma of its blur beside that of the optics, in pixels. */
  defocus: number;
  /** Light of its marker over that of the usual cell. */
  brightness: number;
}

/** Pixels of a mask, over a usual cell's area, below which it is a nub. */
const nubShare = 0.03;

/** What is known of a body when it is drawn. */
export type PlantedBody = Pick<SimulatedFieldCell, 'layer' | 'looks' | 'stage' | 'dead' | 'defocus' | 'brightness'> & {
  /** Blur by its distance from the focal plane, in pixels. */
  readonly focalBlur: number;
};

/** Collects the bodies of a field while they are drawn. */
export class FieldTruth {
  readonly #request: FieldRequest;
  readonly #image: LabelImage;
  readonly #planted: { body: Body; mother: number; about: PlantedBody }[] = [];

  constructor(request: FieldRequest) {
    this.#request = request;
    this.#image = new LabelImage(request.width, request.height);
  }

  /** Adds a body that was drawn on a patch; `mother`: the number that this gave for a bud's mother, else 0. */
  add(body: Body, patch: Patch, light: BodyLight, about: PlantedBody, mother = 0): number {
    this.#planted.push({ body, mother, about });
    const claim = about.layer === 'other-plane' ? claims.blurred : claims.focus;
    return this.#image.add(onPatch(body, patch), outlineInset(body, light), claim, patch);
  }

  finish(): { labels: Uint32Array; cells: SimulatedFieldCell[] } {
    const { labels, bodies } = this.#image.finish();
    const usualArea = (Math.PI / 4) * usualDiameter(this.#request) ** 2;
    const cells: SimulatedFieldCell[] = [];
    for (const [index, { body, mother, about }] of this.#planted.entries()) {
      const seen = bodies[index + 1];
      if (!seen) continue;
      const { focalBlur, ...known } = about;
      const nub = seen.area < nubShare * usualArea && !seen.border;
      const unsure = about.layer === 'other-plane' || nub || isUnsure(this.#request, focalBlur);
      cells.push({
        ...seen,
        budOf: bodies[mother]?.label ?? 0,
        flag: about.dead !== '' ? 'dead' : unsure ? 'unsure' : 'ok',
        ...known,
        diameter: 2 * Math.sqrt(body.a * body.b),
      });
    }
    return { labels, cells };
  }
}
