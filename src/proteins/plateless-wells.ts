/** Strains that are known by a well alone: A01 of two plates would be one protein. */

const wellLike = /^[A-P]{1,2}\d{1,2}$/i;

/** Notices wells without a plate that are in several tables. */
export class PlatelessWells {
  readonly #tables = new Map<string, string>();
  #warning: string | undefined;

  add(path: string, { protein, plate }: { protein: string; plate: string }): void {
    if (this.#warning !== undefined || plate !== '' || !wellLike.test(protein)) return;
    const first = this.#tables.get(protein);
    if (first === undefined) this.#tables.set(protein, path);
    else if (first !== path) {
      this.#warning =
        `the protein ${protein} of ${first} and of ${path} is taken as one: where it is a well of two plates, predict the ` +
        'plates together, or name {plate} in the pattern';
    }
  }

  get warnings(): string[] {
    return this.#warning === undefined ? [] : [this.#warning];
  }
}
