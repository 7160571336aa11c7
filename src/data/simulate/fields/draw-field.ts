/** Draws one field of view with its truth, from its place on the plate to the camera's counts. */
import { Draws } from '../draws';
import { blur } from '../optics';
import { type CameraPlane, photograph } from './camera';
import { drawDeadCell, planDead } from './dead-cell';
import { addFieldDebris } from './debris';
import { type CellFocus, drawFocusMap, drawOtherPlane, type FocusMap } from './focus';
import { drawIllumination } from './illumination';
import { type CellPlan, drawLivingCell, planCell } from './living-cell';
import type { FieldLight } from './patch';
import { bodiesOf, movedShape, placeCells } from './placement';
import { type FieldRequest, usualDiameter } from './request';
import { FieldTruth, type SimulatedFieldCell } from './truth';

export interface DrawnField {
  readonly red: CameraPlane;
  readonly green: CameraPlane;
  /** 0 background, 1 ... n the bodies. */
  readonly labels: Uint32Array;
  /** By label. */
  readonly cells: SimulatedFieldCell[];
}

/** The same request gives the same field. */
export function drawField(request: FieldRequest): DrawnField {
  const { seed, field: number, width, height, plate, traits, fault } = request;
  const layer = () => new Float32Array(width * height);
  const light: FieldLight = { width, height, red: layer(), green: layer() };
  const lightDraws = new Draws(seed, 'field light', number);
  const lamp = drawIllumination(width, height, request.vignetting, lightDraws);
  const focus = drawFocusMap(request, lightDraws);
  addFieldDebris(light, lightDraws.rounded(request.debris * request.cells), plate.magnification, lightDraws);
  const truth = new FieldTruth(request);
  if (fault !== 'empty') addCells(request, light, focus, truth);
  const lost = fault === 'out-of-focus' ? lostFocus * usualDiameter(request) : 0;
  blur(light.red, Math.hypot(plate.redBlur, traits.defocus, lost), width);
  blur(light.green, Math.hypot(plate.greenBlur, traits.defocus, lost), width);
  for (let i = 0; i < light.red.length; i++)
    light.red[i] = (light.red[i] as number) + plate.crosstalk * (light.green[i] as number);
  return { ...photograph(light, request, lamp, new Draws(seed, 'field pixels', number)), ...truth.finish() };
}

/** Blur of a field whose focus is lost altogether, in diameters of a cell. */
const lostFocus = 0.16;

function addCells(request: FieldRequest, light: FieldLight, focusAt: FocusMap, truth: FieldTruth): void {
  const { seed, field, width, height, plate, clumped } = request;
  const draws = new Draws(seed, 'field cells', field);
  const dead = request.fault === 'dead' ? 0.9 : request.dead;
  const places = placeCells(
    { width, height, margin: usualDiameter(request) },
    { cells: request.cells, clumped, magnification: plate.magnification },
    () => planCell(request, draws),
    new Draws(seed, 'field places', field),
  );
  for (const { plan, layer } of places) {
    const { x, y } = plan.shape.mother;
    if (draws.chance(dead)) addDead(plan, layer);
    else addLiving(plan, layer, { blur: focusAt(x, y), brightness: 1 });
  }
  for (let more = draws.rounded(request.otherPlane * request.cells); more > 0; more--) {
    const plan = planCell(request, draws);
    const shape = movedShape(plan.shape, draws.uniform(0, width), draws.uniform(0, height));
    addLiving({ ...plan, shape }, 'other-plane', drawOtherPlane(request, draws));
  }

  function addLiving(plan: CellPlan, layer: SimulatedFieldCell['layer'], focus: CellFocus): void {
    const drawn = drawLivingCell(light, request, plan, focus, draws);
    if (!drawn) return;
    const about = {
      layer,
      looks: drawn.looks,
      stage: plan.shape.stage,
      dead: '' as const,
      defocus: drawn.defocus,
      brightness: drawn.red,
      focalBlur: focus.blur,
    };
    let mother = 0;
    for (const body of bodiesOf(plan.shape)) mother = truth.add(body, drawn.patch, drawn.body, about, mother);
  }

  function addDead({ shape }: CellPlan, layer: SimulatedFieldCell['layer']): void {
    const { kind, body } = planDead(shape.mother, draws);
    const drawn = drawDeadCell(light, request, body, kind, draws);
    if (!drawn) return;
    const about = {
      layer,
      looks: '',
      stage: '',
      dead: kind,
      defocus: 0,
      brightness: drawn.level,
      focalBlur: 0,
    } as const;
    truth.add(body, drawn.patch, drawn.light, about);
  }
}
