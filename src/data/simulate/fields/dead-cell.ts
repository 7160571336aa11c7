/** Dead cells: shrunken and very bright, dim with a bright lump, or a ghost that is little more than an outline. */
import { addSpot, type Body, body, pointIn } from '../canvas';
import { addFilled, addShell, drawProfile } from '../compartments/shell';
import type { Draws } from '../draws';
import type { BodyLight } from './outline';
import { addPatch, type FieldLight, onPatch, openPatch, type Patch } from './patch';
import type { FieldRequest } from './request';

export const deadKinds = ['bright', 'lump', 'ghost'] as const;
export type DeadKind = (typeof deadKinds)[number];

/** Shares of the kinds, and the brightness of each over a usual cell's: measured by bench/realism/fields.js. */
const kindWeights = [0.16, 0.46, 0.38];

/** The body that is left of a cell. */
export function planDead(living: Body, draws: Draws): { kind: DeadKind; body: Body } {
  const kind = deadKinds[draws.weighted(kindWeights)] as DeadKind;
  const shrunk = draws.uniform(0.72, 1);
  const aspect = draws.uniform(1, 1.4);
  const radius = shrunk * Math.sqrt(living.a * living.b);
  const left = body(
    living.x,
    living.y,
    radius * Math.sqrt(aspect),
    radius / Math.sqrt(aspect),
    draws.angle(),
    draws.normal(0, 0.1),
  );
  return { kind, body: left };
}

/** Draws a dead cell; undefined where none of its light falls into the field. */
export function drawDeadCell(
  field: FieldLight,
  request: FieldRequest,
  shape: Body,
  kind: DeadKind,
  draws: Draws,
): { patch: Patch; light: BodyLight; level: number } | undefined {
  const { plate, traits } = request;
  const patch = openPatch(field, [shape], 8);
  const light = { softness: 1, dome: 0.4, blur: Math.hypot(plate.redBlur, traits.defocus) };
  const level = kind === 'bright' ? draws.uniform(1.2, 2.4) : draws.logNormal(kind === 'lump' ? 0.3 : 0.09, 0.5);
  const green = draws.logNormal(kind === 'bright' ? 0.7 : 0.25, 0.5);
  if (!patch) return undefined;
  const { red, structure } = patch.scene;
  const left = onPatch(shape, patch);
  const radius = Math.sqrt(left.a * left.b);
  addFilled(red, left, light.softness, level, light.dome);
  // What has come apart is uneven: lumps and holes of a tenth to a third of the cell's radius.
  for (let lump = draws.integer(6, 14); lump > 0; lump--) {
    const at = pointIn(left, draws.angle(), Math.sqrt(draws.uniform(0, 0.7)));
    addSpot(red, at.x, at.y, radius * draws.uniform(0.1, 0.3), level * draws.uniform(-0.6, 0.8));
  }
  if (kind === 'lump') {
    // One lump outshines the living cells.
    const at = pointIn(left, draws.angle(), draws.uniform(0.1, 0.6));
    addSpot(red, at.x, at.y, radius * draws.uniform(0.14, 0.32), Math.min(5, draws.logNormal(1.9, 0.6)));
  }
  if (kind === 'ghost') {
    const profile = drawProfile(draws, 0.35, 0.3);
    addShell(red, left, 0.1 * radius, level * draws.uniform(0.6, 1.5), { inset: 0.12 * radius, profile });
  }
  for (let i = 0; i < red.length; i++) {
    // The holes go no further than dark.
    if ((red[i] as number) < 0) red[i] = 0;
    structure[i] = green * (red[i] as number);
  }
  addPatch(field, patch, 0);
  return { patch, light, level };
}
