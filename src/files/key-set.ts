/** A set of texts that keeps 64 bits of each: two different texts are taken for one once in 10^19 pairs. */
export class KeySet {
  /** Two words a slot; an empty slot is zeros. */
  #slots = new Uint32Array(2 * 1024);
  #count = 0;

  get size(): number {
    return this.#count;
  }

  /** Adds a text; false where it is there already. */
  add(text: string): boolean {
    if (4 * (this.#count + 1) > this.#slots.length) this.#grow();
    const [a, b] = hash(text);
    return this.#insert(a, b);
  }

  has(text: string): boolean {
    const [a, b] = hash(text);
    const slots = this.#slots;
    const mask = slots.length / 2 - 1;
    for (let slot = a & mask; ; slot = (slot + 1) & mask) {
      const low = slots[2 * slot] as number;
      const high = slots[2 * slot + 1] as number;
      if (low === a && high === b) return true;
      if (low === 0 && high === 0) return false;
    }
  }

  #insert(a: number, b: number): boolean {
    const slots = this.#slots;
    const mask = slots.length / 2 - 1;
    for (let slot = a & mask; ; slot = (slot + 1) & mask) {
      const low = slots[2 * slot] as number;
      const high = slots[2 * slot + 1] as number;
      if (low === a && high === b) return false;
      if (low !== 0 || high !== 0) continue;
      slots[2 * slot] = a;
      slots[2 * slot + 1] = b;
      this.#count++;
      return true;
    }
  }

  #grow(): void {
    const before = this.#slots;
    this.#slots = new Uint32Array(2 * before.length);
    this.#count = 0;
    for (let slot = 0; slot < before.length; slot += 2) {
      const low = before[slot] as number;
      const high = before[slot + 1] as number;
      if (low !== 0 || high !== 0) this.#insert(low, high);
    }
  }
}

/** Two words of 32 bits, each mixed by multiplication and shifts over all UTF-16 units (the finisher is MurmurHash3's). */
function hash(text: string): [number, number] {
  let a = 0x9e3779b9 ^ text.length;
  let b = 0x85ebca6b ^ text.length;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    a = Math.imul(a ^ unit, 0x9e3779b1);
    b = Math.imul(b ^ unit, 0x85ebca77) + (a >>> 15);
    a ^= a >>> 13;
  }
  const first = finish(a ^ (b >>> 16));
  const second = finish(b ^ (a >>> 16));
  // Zeros stand for an empty slot.
  return first === 0 && second === 0 ? [1, 0] : [first, second];
}

function finish(word: number): number {
  let mixed = word;
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return (mixed ^ (mixed >>> 16)) >>> 0;
}
