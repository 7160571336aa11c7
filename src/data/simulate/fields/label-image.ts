/** The truth masks of a field: one label for every body that is seen. */
import { type Body, trace, traced } from '../canvas';
import type { Patch } from './patch';

/** A pixel that several bodies cover belongs to the first of these kinds, then to the body into which it lies deepest. */
export const claims = { focus: 2, blurred: 1 } as const;

export interface LabelledBody {
  readonly label: number;
  /** Centroid of its pixels. */
  readonly x: number;
  readonly y: number;
  readonly area: number;
  /** Touches the field's border. */
  readonly border: boolean;
}

/** Collects bodies and makes the label image of them. */
export class LabelImage {
  readonly #width: number;
  readonly #height: number;
  readonly #labels: Uint32Array;
  /** How strong the claim of a pixel's label is. */
  readonly #claims: Float32Array;
  #bodies = 0;

  constructor(width: number, height: number) {
    this.#width = width;
    this.#height = height;
    this.#labels = new Uint32Array(width * height);
    this.#claims = new Float32Array(width * height);
  }

  /**
   * Adds a body of a patch whose outline lies `inset` pixels inside its edge. Returns its number: 1, 2, ...
   */
  add(body: Body, inset: number, claim: number, { width, left, top }: Omit<Patch, 'scene'>): number {
    const number = ++this.#bodies;
    const count = trace(body, Math.max(0, -inset) + 1, width);
    for (let i = 0; i < count; i++) {
      const depth = (traced.inward[i] as number) - inset;
      if (depth <= 0) continue;
      const index = traced.index[i] as number;
      const column = left + (index % width);
      const row = top + Math.floor(index / width);
      if (column < 0 || row < 0 || column >= this.#width || row >= this.#height) continue;
      const at = row * this.#width + column;
      // Depths are far below 1,000 pixels.
      const strength = 1000 * claim + depth;
      if (strength <= (this.#claims[at] as number)) continue;
      this.#claims[at] = strength;
      this.#labels[at] = number;
    }
    return number;
  }

  /**
   * The label image, numbered 1, 2, ... without gaps by the order of the bodies, and every body's measurements, by its
   * number; undefined for one that is not seen. A body that others cut in pieces keeps the largest.
   */
  finish(): { labels: Uint32Array; bodies: (LabelledBody | undefined)[] } {
    this.#keepLargestPieces();
    const sums = Array.from({ length: this.#bodies + 1 }, () => ({ x: 0, y: 0, area: 0, border: false }));
    for (let row = 0, at = 0; row < this.#height; row++)
      for (let column = 0; column < this.#width; column++, at++) {
        const number = this.#labels[at] as number;
        if (number === 0) continue;
        const sum = sums[number] as { x: number; y: number; area: number; border: boolean };
        sum.x += column;
        sum.y += row;
        sum.area++;
        if (row === 0 || column === 0 || row === this.#height - 1 || column === this.#width - 1) sum.border = true;
      }
    let label = 0;
    const bodies = sums.map(({ x, y, area, border }, number) =>
      number === 0 || area === 0 ? undefined : { label: ++label, x: x / area, y: y / area, area, border },
    );
    for (let at = 0; at < this.#labels.length; at++) this.#labels[at] = bodies[this.#labels[at] as number]?.label ?? 0;
    return { labels: this.#labels, bodies };
  }

  /** Clears all but the largest connected piece (four neighbours) of every body. */
  #keepLargestPieces(): void {
    const labels = this.#labels;
    const width = this.#width;
    const seen = new Uint8Array(labels.length);
    const largest = new Map<number, number[]>();
    for (let start = 0; start < labels.length; start++) {
      const number = labels[start] as number;
      if (number === 0 || seen[start]) continue;
      seen[start] = 1;
      const piece = [start];
      for (const at of piece) {
        const column = at % width;
        const visit = (next: number) => {
          if (labels[next] !== number || seen[next]) return;
          seen[next] = 1;
          piece.push(next);
        };
        if (column > 0) visit(at - 1);
        if (column < width - 1) visit(at + 1);
        if (at >= width) visit(at - width);
        if (at + width < labels.length) visit(at + width);
      }
      const known = largest.get(number);
      const cut = known === undefined || known.length < piece.length ? known : piece;
      if (cut !== piece) largest.set(number, piece);
      for (const at of cut ?? []) labels[at] = 0;
    }
  }
}
