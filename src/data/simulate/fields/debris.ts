/** Light that is no cell: small dim lumps of debris, which have no label. */
import { body } from '../canvas';
import { addFilled } from '../compartments/shell';
import type { Draws } from '../draws';
import { addPatch, type FieldLight, openPatch } from './patch';

/** Adds `count` heaps of a few lumps each, anywhere in the field. `magnification`: see PlateTraits. */
export function addFieldDebris(field: FieldLight, count: number, magnification: number, draws: Draws): void {
  for (let heap = 0; heap < count; heap++) {
    const x = draws.uniform(0, field.width);
    const y = draws.uniform(0, field.height);
    const level = Math.min(0.35, draws.logNormal(0.045, 0.8));
    const green = draws.logNormal(0.6, 0.6);
    const lumps = Array.from({ length: draws.integer(1, 5) }, () => {
      const at = (spread: number) => magnification * draws.normal(0, spread);
      const half = magnification * draws.uniform(1.5, 5);
      return body(x + at(4), y + at(4), half, half * draws.uniform(0.4, 1), draws.angle(), draws.normal(0, 0.2));
    });
    const softness = draws.uniform(0.5, 2) * magnification;
    const patch = openPatch(field, lumps, 2 + 3 * softness);
    if (!patch) continue;
    const { red, structure } = patch.scene;
    for (const lump of lumps) {
      const onIt = { ...lump, x: lump.x - patch.left, y: lump.y - patch.top };
      const share = draws.uniform(0.4, 1);
      addFilled(red, onIt, softness, level * share, 0.5);
      addFilled(structure, onIt, softness, green * level * share, 0.5);
    }
    addPatch(field, patch, 0);
  }
}
