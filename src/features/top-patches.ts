/** The patches of cells that excite a unit most (the paper's Figure 3a), cut by its exact receptive field. */
import type { NativeTopology } from '../native/addon';
import { type PatchRectangle, patchAt, receptiveField } from './receptive-field';

export interface TopPatch {
  unit: number;
  /** From 1, the strongest. */
  rank: number;
  /** The cell, as counted by the caller. */
  cell: number;
  value: number;
  /** Where in the crop, ends excluded; parts outside are padding. The whole crop for a dense layer. */
  patch: PatchRectangle;
}

interface Candidate {
  cell: number;
  value: number;
  position: number;
}

/** Gathers the strongest patches of every unit of a layer, one a cell: the cell's first maximum. */
export class TopPatches {
  readonly #topology: NativeTopology;
  readonly #layer: string;
  readonly #wanted: number;
  readonly #side: number;
  readonly #units: number;
  readonly #best: Candidate[][];

  /** @param shape of the layer's output for one cell, [side, side, units] or [units] */
  constructor(topology: NativeTopology, layer: string, shape: readonly number[], wanted: number) {
    this.#topology = topology;
    this.#layer = layer;
    this.#wanted = wanted;
    this.#side = shape.length === 1 ? 1 : (shape[0] as number);
    this.#units = shape.at(-1) as number;
    this.#best = Array.from({ length: this.#units }, () => []);
  }

  /** One cell's output, [positions, units]. Equal values go to the cell that came first. */
  add(cell: number, output: Float32Array): void {
    const units = this.#units;
    const positions = this.#side * this.#side;
    for (let unit = 0; unit < units; unit++) {
      let value = output[unit] as number;
      let position = 0;
      for (let p = 1; p < positions; p++) {
        const other = output[p * units + unit] as number;
        if (other > value) {
          value = other;
          position = p;
        }
      }
      const best = this.#best[unit] as Candidate[];
      const last = best[this.#wanted - 1];
      if (last && last.value >= value) continue;
      let at = best.length;
      while (at > 0 && (best[at - 1] as Candidate).value < value) at--;
      best.splice(at, 0, { cell, value, position });
      if (best.length > this.#wanted) best.pop();
    }
  }

  /** Unit by unit, the strongest first. */
  result(): TopPatch[] {
    const field = receptiveField(this.#topology, this.#layer);
    const { imageSize } = this.#topology;
    const whole: PatchRectangle = { top: 0, left: 0, bottom: imageSize, right: imageSize };
    return this.#best.flatMap((candidates, unit) =>
      candidates.map(({ cell, value, position }, i): TopPatch => {
        const patch = field ? patchAt(field, Math.floor(position / this.#side), position % this.#side) : whole;
        return { unit, rank: i + 1, cell, value, patch };
      }),
    );
  }
}
