import type { Compartment } from '../../../src/data/compartments';
import { pixels, size } from '../../../src/data/simulate/canvas';
import { drawings } from '../../../src/data/simulate/compartments';
import { Draws } from '../../../src/data/simulate/draws';
import { type CellShape, drawCellShape } from '../../../src/data/simulate/geometry';
import { addCell, createScene, shapeNeeds } from '../../../src/data/simulate/scene';

export interface Drawing {
  shape: CellShape;
  /** The compartment's light before the optics. */
  green: Float32Array;
  /** The cytosol's. */
  red: Float32Array;
}

export const plainHabits = { count: 0, size: 0, unevenness: 0, haze: 0, form: 0 };

/** One cell of a compartment as light, without haze, neighbours, optics or camera. */
export function drawAlone(compartment: Compartment, index: number, diameter: number): Drawing {
  const draws = new Draws(12, 'cell', index);
  const content = [{ compartment, weight: 1 }];
  const shape = drawCellShape(31.5, 31.5, diameter, draws, shapeNeeds(content));
  const scene = createScene();
  addCell(scene, shape, { content, habits: plainHabits, red: 1, green: 1, defocus: 0, magnification: 1 }, draws, true);
  return { shape, green: scene.structure, red: scene.red };
}

/** Pixels at least as bright as a share of the brightest, as connected groups (eight neighbours), largest first. */
export function groups(layer: Float32Array, share: number): number[][] {
  const most = layer.reduce((a, b) => Math.max(a, b), 0);
  const left = new Set<number>();
  for (let i = 0; i < pixels; i++) if ((layer[i] as number) >= share * most) left.add(i);
  const found: number[][] = [];
  for (const start of left) {
    left.delete(start);
    const group = [start];
    for (const index of group)
      for (const step of [-1, 1, -size, size, -size - 1, -size + 1, size - 1, size + 1])
        if (left.delete(index + step)) group.push(index + step);
    found.push(group);
  }
  return found.sort((a, b) => b.length - a.length);
}

/** Local maxima at least `share` as bright as the brightest pixel. */
export function peaks(layer: Float32Array, share: number): { x: number; y: number; value: number }[] {
  const most = layer.reduce((a, b) => Math.max(a, b), 0);
  const found: { x: number; y: number; value: number }[] = [];
  for (let y = 1; y < size - 1; y++)
    for (let x = 1; x < size - 1; x++) {
      const value = layer[y * size + x] as number;
      if (value < share * most) continue;
      let highest = true;
      for (const step of [-1, 1, -size, size, -size - 1, -size + 1, size - 1, size + 1])
        if ((layer[y * size + x + step] as number) > value) highest = false;
      if (highest) found.push({ x, y, value });
    }
  return found;
}

/** Mean of a layer where `where(x, y)` holds; NaN where it holds nowhere. */
export function meanWhere(layer: Float32Array, where: (x: number, y: number) => boolean): number {
  let sum = 0;
  let count = 0;
  for (let i = 0; i < pixels; i++)
    if (where(i % size, Math.floor(i / size))) {
      sum += layer[i] as number;
      count++;
    }
  return sum / count;
}

/** Longest distance between two pixels of a group. */
export function span(group: readonly number[]): number {
  let most = 0;
  for (const a of group)
    for (const b of group)
      most = Math.max(most, Math.hypot((a % size) - (b % size), Math.floor(a / size) - Math.floor(b / size)));
  return most;
}

/** The drawings of `count` cells for which `pick` holds. */
export function drawSome(
  compartment: Compartment,
  count: number,
  pick: (shape: CellShape) => boolean = () => true,
  diameter = 40,
): Drawing[] {
  const some: Drawing[] = [];
  for (let index = 0; some.length < count; index++) {
    const drawing = drawAlone(compartment, index, diameter);
    if (pick(drawing.shape)) some.push(drawing);
  }
  return some;
}

export const allCompartments = Object.keys(drawings) as Compartment[];
