/** Where a field is out of focus: from a line on, the focal plane moves away from the cells. */
import type { Draws } from '../draws';
import { type FieldRequest, usualDiameter } from './request';

/** Blur at the far end of the part, and that from which a cell cannot be told for sure, in diameters of a cell. */
const furthest = 0.3;
const unsureFrom = 0.09;

/** How far a cell is from the focal plane. */
export interface CellFocus {
  /** Sigma of the blur that it adds, in pixels. */
  readonly blur: number;
  /** Factor on the cell's light. */
  readonly brightness: number;
}

/** Sigma of the blur, in pixels, by place. */
export type FocusMap = (x: number, y: number) => number;

export function drawFocusMap(request: FieldRequest, draws: Draws): FocusMap {
  const { width, height, outOfFocus } = request;
  const angle = draws.angle();
  const [cos, sin] = [Math.cos(angle), Math.sin(angle)];
  if (outOfFocus <= 0) return () => 0;
  // Places along the direction, in order: the line is where the part's share of the area begins.
  const along = (x: number, y: number) => (x - width / 2) * cos + (y - height / 2) * sin;
  const grid: number[] = [];
  for (let row = 0; row < 24; row++)
    for (let column = 0; column < 24; column++)
      grid.push(along(((column + 0.5) * width) / 24, ((row + 0.5) * height) / 24));
  grid.sort((a, b) => a - b);
  const line = grid[Math.min(grid.length - 1, Math.floor((1 - outOfFocus) * grid.length))] as number;
  const end = Math.max(line + 1, grid.at(-1) as number);
  const most = furthest * usualDiameter(request);
  return (x, y) => most * Math.sqrt(Math.min(1, Math.max(0, (along(x, y) - line) / (end - line))));
}

/** A cell above or below the focal plane: wide and dim. */
export function drawOtherPlane(request: FieldRequest, draws: Draws): CellFocus {
  return {
    blur: usualDiameter(request) * draws.uniform(0.12, 0.34),
    brightness: Math.min(0.8, draws.logNormal(0.17, 0.9)),
  };
}

export function isUnsure(request: FieldRequest, blur: number): boolean {
  return blur > unsureFrom * usualDiameter(request);
}
