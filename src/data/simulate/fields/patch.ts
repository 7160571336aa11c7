/** A square of a field on which one cell is drawn before its light is added to the field's. */
import { type Body, largestWidth } from '../canvas';
import { blur } from '../optics';
import { clearScene, createScene, type Scene } from '../scene';

/** The light of a field before the optics, row by row. */
export interface FieldLight {
  readonly width: number;
  readonly height: number;
  /** The cytosolic marker and the tagged protein; 1 is the usual cell's brightest light. */
  readonly red: Float32Array;
  readonly green: Float32Array;
}

export interface Patch {
  readonly scene: Scene;
  /** Pixels along a side. */
  readonly width: number;
  /** The field's pixel on which the patch's first lies. */
  readonly left: number;
  readonly top: number;
}

/** Squares of every width that was needed, used again and again. */
const scenes = new Map<number, Scene>();
const step = 32;

/** A dark patch that holds the bodies with `margin` pixels around them; undefined where no pixel of it is in the field. */
export function openPatch(field: FieldLight, bodies: readonly Body[], margin: number): Patch | undefined {
  const extent = (body: Body) => Math.max(body.a, body.b * (1 + Math.abs(body.egg))) + margin;
  const left = Math.floor(Math.min(...bodies.map((body) => body.x - extent(body))));
  const top = Math.floor(Math.min(...bodies.map((body) => body.y - extent(body))));
  const right = Math.ceil(Math.max(...bodies.map((body) => body.x + extent(body))));
  const bottom = Math.ceil(Math.max(...bodies.map((body) => body.y + extent(body))));
  if (right < 0 || bottom < 0 || left >= field.width || top >= field.height) return undefined;
  const needed = Math.max(right - left, bottom - top) + 1;
  const width = Math.min(largestWidth, step * Math.ceil(needed / step));
  let scene = scenes.get(width);
  if (!scene) {
    scene = createScene(width);
    scenes.set(width, scene);
  }
  clearScene(scene);
  return { scene, width, left, top };
}

/** A body of the field as it lies on the patch. */
export function onPatch(body: Body, { left, top }: Patch): Body {
  return { ...body, x: body.x - left, y: body.y - top };
}

/** Blurs the patch's light, as far from the focal plane, and adds it to the field's: red and structure. */
export function addPatch(field: FieldLight, { scene, width, left, top }: Patch, focalBlur: number): void {
  if (focalBlur > 0) {
    blur(scene.red, focalBlur);
    blur(scene.structure, focalBlur);
  }
  const firstColumn = Math.max(0, -left);
  const lastColumn = Math.min(width, field.width - left);
  const lastRow = Math.min(width, field.height - top);
  for (let row = Math.max(0, -top); row < lastRow; row++) {
    const from = row * width;
    const to = (top + row) * field.width + left;
    for (let column = firstColumn; column < lastColumn; column++) {
      const at = to + column;
      field.red[at] = (field.red[at] as number) + (scene.red[from + column] as number);
      field.green[at] = (field.green[at] as number) + (scene.structure[from + column] as number);
    }
  }
}
