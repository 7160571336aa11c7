/** Where the cells of a field lie: a dense layer of clumps whose cells touch, and a sparse layer of cells on their own. */
import { type Body, radiusIn } from '../canvas';
import type { Draws } from '../draws';
import type { CellShape } from '../geometry';

/** A cell that has its place: what was planned, its shape moved there. */
export interface Place<Plan> {
  readonly plan: Plan;
  readonly layer: 'dense' | 'sparse';
}

interface Point {
  readonly x: number;
  readonly y: number;
}

/** Cells of a usual clump, and the deviation of the logarithm of their number. */
const clump = { median: 11, deviation: 1 } as const;
/** Bodies may press into each other by this share of their distance. */
const pressed = 0.92;
/** Places that are tried for one cell before it is given up. */
const attempts = 40;

/**
 * Places cells on a rectangle and a margin around it, so that some are cut by its border. `next` plans one more
 * cell, its shape around (0, 0). Cells for which no place is found are left out: a field can be full.
 */
export function placeCells<Plan extends { readonly shape: CellShape }>(
  area: { width: number; height: number; margin: number },
  request: { cells: number; clumped: number; magnification: number },
  next: () => Plan,
  draws: Draws,
): Place<Plan>[] {
  const { width, height, margin } = area;
  const wide = (width + 2 * margin) * (height + 2 * margin);
  const total = Math.round((request.cells * wide) / (width * height));
  const dense = Math.round(request.clumped * total);
  const crowd = new Crowd(area);
  const places: Place<Plan>[] = [];
  const anywhere = (): Point => ({
    x: draws.uniform(-margin, width + margin),
    y: draws.uniform(-margin, height + margin),
  });
  /** The cells of the clump that grows, and how many it may still get. */
  let members: CellShape[] = [];
  let room = 0;
  const touching = (shape: CellShape): Point => {
    const host = members[draws.integer(0, members.length - 1)] as CellShape;
    const body = host.bud && draws.chance(0.3) ? host.bud : host.mother;
    const angle = draws.angle();
    // The same gaps as between the cells of a crop.
    const gap = request.magnification * (draws.chance(0.55) ? draws.uniform(-1.5, 1.5) : draws.uniform(1.5, 9));
    const distance = reachOf(body, angle) + reachOf(shape.mother, angle) + gap;
    return { x: body.x + distance * Math.cos(angle), y: body.y + distance * Math.sin(angle) };
  };
  for (let cell = 0; cell < total; cell++) {
    const layer = cell < dense ? 'dense' : 'sparse';
    const plan = next();
    const { shape } = plan;
    let placed: CellShape | undefined;
    for (let attempt = 0; attempt < attempts && !placed; attempt++) {
      // A clump that is hemmed in ends, and the next one begins elsewhere.
      const grows = layer === 'dense' && room > 0 && attempt < attempts / 2;
      const at = grows ? touching(shape) : anywhere();
      const candidate = movedShape(shape, at.x, at.y);
      if (!crowd.holds(candidate.mother) || crowd.overlaps(candidate, layer === 'sparse' ? 1.05 : pressed)) continue;
      placed = candidate;
      if (layer !== 'dense') continue;
      if (!grows) {
        members = [];
        room = Math.round(draws.logNormal(clump.median, clump.deviation));
      }
      members.push(candidate);
      room--;
    }
    if (!placed) continue;
    crowd.add(placed);
    places.push({ plan: { ...plan, shape: placed }, layer });
  }
  return places;
}

/** A shape drawn around (0, 0), moved to (x, y). */
export function movedShape(shape: CellShape, x: number, y: number): CellShape {
  const move = (body: Body): Body => ({ ...body, x: body.x + x, y: body.y + y });
  return {
    ...shape,
    mother: move(shape.mother),
    bud: shape.bud && move(shape.bud),
    nuclei: shape.nuclei.map(move),
    vacuoles: shape.vacuoles.map(move),
  };
}

export function bodiesOf({ mother, bud }: CellShape): Body[] {
  return bud ? [mother, bud] : [mother];
}

/** From a body's centre to its edge in a direction, or in the one opposite to it: about the same for an egg. */
function reachOf(body: Body, angle: number): number {
  return 1 / radiusIn({ ...body, egg: 0 }, body.x + Math.cos(angle), body.y + Math.sin(angle));
}

/** The bodies that have a place, in squares, so that only those nearby are looked at. */
class Crowd {
  static readonly side = 64;
  readonly #area: { width: number; height: number; margin: number };
  readonly #columns: number;
  readonly #squares = new Map<number, Body[]>();
  #largest = 0;

  constructor(area: { width: number; height: number; margin: number }) {
    this.#area = area;
    this.#columns = Math.ceil((area.width + 2 * area.margin) / Crowd.side) + 2;
  }

  holds({ x, y }: Body): boolean {
    const { width, height, margin } = this.#area;
    return x >= -margin && y >= -margin && x < width + margin && y < height + margin;
  }

  add(shape: CellShape): void {
    for (const body of bodiesOf(shape)) {
      this.#largest = Math.max(this.#largest, body.a, body.b);
      const key = this.#keyOf(body.x, body.y);
      const square = this.#squares.get(key);
      if (square) square.push(body);
      else this.#squares.set(key, [body]);
    }
  }

  /** Whether a body of the shape comes nearer to another cell's than `share` of the distance at which they touch. */
  overlaps(shape: CellShape, share: number): boolean {
    for (const body of bodiesOf(shape)) {
      const reach = Math.max(body.a, body.b) + this.#largest;
      for (let y = body.y - reach; y < body.y + reach + Crowd.side; y += Crowd.side)
        for (let x = body.x - reach; x < body.x + reach + Crowd.side; x += Crowd.side)
          for (const other of this.#squares.get(this.#keyOf(x, y)) ?? []) {
            const angle = Math.atan2(other.y - body.y, other.x - body.x);
            const distance = Math.hypot(other.x - body.x, other.y - body.y);
            if (distance < share * (reachOf(body, angle) + reachOf(other, angle))) return true;
          }
    }
    return false;
  }

  #keyOf(x: number, y: number): number {
    const column = Math.floor((x + this.#area.margin) / Crowd.side) + 1;
    const row = Math.floor((y + this.#area.margin) / Crowd.side) + 1;
    return row * this.#columns + column;
  }
}
