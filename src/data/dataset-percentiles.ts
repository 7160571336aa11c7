/**
 * Percentiles over more pixels than fit in memory, exact as if all were sorted. Samples that are whole numbers of up to 16
 * bits are counted one by one, in a single pass. Anything else is narrowed down 20 bits at a time: a pass counts the
 * samples by the next bits of their number, among those that agree with the wanted one so far; a 32-bit image usually
 * needs two passes, one of small doubles four.
 */

import type { Samples } from './image-file';
import { pixelNoise, type Range, withFloor } from './intensity';
import type { PercentileNormalization } from './normalization';

/** Bits of a number that one pass tells apart. */
const bitsPerPass = 20;
const bins = 2 ** bitsPerPass;
/** Whole numbers counted one by one: those of signed and unsigned 16-bit images. */
const least = -32_768;
const most = 65_535;

/** A sample that is wanted: the `rank`-th (from 0) of all. */
interface Target {
  rank: number;
  /** The upper bits known so far, as two words. */
  high: number;
  low: number;
  /** Samples below all that agree in these bits. */
  below: number;
  value: number | undefined;
}

interface Group {
  high: number;
  low: number;
  counts: Float64Array;
}

/** The percentiles of one channel over all images: add every image in each pass, then `endPass`, until it says so. */
export class DatasetPercentiles {
  readonly #normalization: PercentileNormalization;
  readonly #noise: number[] = [];
  readonly #value = new Float64Array(1);
  readonly #words = new Uint32Array(this.#value.buffer);
  #whole: Float64Array | undefined = new Float64Array(most - least + 1);
  /** Counts by the next bits, for each group of samples that agree in the bits known so far. */
  #groups: Group[] = [{ high: 0, low: 0, counts: new Float64Array(bins) }];
  /** All bits that any sample has set. */
  #anyHigh = 0;
  #anyLow = 0;
  #pass = 0;
  #total = 0;
  #targets: Target[] = [];

  constructor(normalization: PercentileNormalization) {
    this.#normalization = normalization;
  }

  /** The samples of an image in this pass. */
  add(samples: Samples, width: number): void {
    if (this.#pass > 0) {
      this.#count(samples);
      return;
    }
    this.#total += samples.length;
    this.#noise.push(pixelNoise(samples, width));
    if (this.#whole) {
      if (isWhole(samples)) {
        const counts = this.#whole;
        for (let i = 0; i < samples.length; i++) {
          const at = (samples[i] as number) - least;
          counts[at] = (counts[at] as number) + 1;
        }
        return;
      }
      this.#giveUpWhole();
    }
    this.#count(samples);
  }

  /** Ends a pass; true when the range is known, false when all images have to be added once more. */
  endPass(): boolean {
    if (this.#pass === 0) this.#targets = this.#wanted();
    if (this.#whole) for (const target of this.#targets) this.#findWhole(target);
    else for (const target of this.#targets) if (target.value === undefined) this.#narrow(target);
    this.#pass++;
    this.#groups = [];
    for (const { high, low, value } of this.#targets) {
      if (value === undefined && !this.#groupOf(high, low)) {
        this.#groups.push({ high, low, counts: new Float64Array(bins) });
      }
    }
    return this.#groups.length === 0;
  }

  /** The range of the rule, when endPass has said that it is known. */
  range(): Range {
    const { low, high } = this.#normalization;
    return withFloor(this.#percentile(low), this.#percentile(high), this.#noise, this.#normalization);
  }

  #percentile(percent: number): number {
    if (this.#total === 0) return 0;
    const position = (percent / 100) * (this.#total - 1);
    const below = Math.floor(position);
    const value = (rank: number) => this.#targets.find((target) => target.rank === rank)?.value ?? Number.NaN;
    const first = value(below);
    return first + (value(Math.min(below + 1, this.#total - 1)) - first) * (position - below);
  }

  #wanted(): Target[] {
    if (this.#total === 0) return [];
    const { low, high } = this.#normalization;
    const ranks = [low, high].flatMap((percent) => {
      const below = Math.floor((percent / 100) * (this.#total - 1));
      return [below, Math.min(below + 1, this.#total - 1)];
    });
    return [...new Set(ranks)].map((rank) => ({ rank, high: 0, low: 0, below: 0, value: undefined }));
  }

  #findWhole(target: Target): void {
    const counts = this.#whole as Float64Array;
    let below = 0;
    for (let at = 0; at < counts.length; at++) {
      below += counts[at] as number;
      if (below <= target.rank) continue;
      target.value = at + least;
      return;
    }
  }

  /** What was counted one by one goes to the bins of the first pass. */
  #giveUpWhole(): void {
    const counts = this.#whole as Float64Array;
    const { counts: first } = this.#groups[0] as Group;
    for (let at = 0; at < counts.length; at++) {
      if (counts[at] === 0) continue;
      this.#split(at + least);
      const bin = this.#bin();
      first[bin] = (first[bin] as number) + (counts[at] as number);
    }
    this.#whole = undefined;
  }

  #count(samples: Samples): void {
    if (this.#pass === 0) {
      const { counts } = this.#groups[0] as Group;
      for (let i = 0; i < samples.length; i++) {
        this.#split(samples[i] as number);
        const bin = this.#bin();
        counts[bin] = (counts[bin] as number) + 1;
      }
      return;
    }
    const known = Math.min(64, this.#pass * bitsPerPass);
    const highMask = known >= 32 ? 0xffffffff : (0xffffffff << (32 - known)) >>> 0;
    const lowMask = known <= 32 ? 0 : (0xffffffff << (64 - known)) >>> 0;
    const groups = this.#groups;
    for (let i = 0; i < samples.length; i++) {
      this.#split(samples[i] as number);
      const high = ((this.#words[1] as number) & highMask) >>> 0;
      const low = ((this.#words[0] as number) & lowMask) >>> 0;
      for (let g = 0; g < groups.length; g++) {
        const group = groups[g] as Group;
        if (group.high !== high || group.low !== low) continue;
        const bin = this.#bin();
        group.counts[bin] = (group.counts[bin] as number) + 1;
        break;
      }
    }
  }

  /** The sample as 64 bits in the order of numbers: negative ones have their bits flipped, the others their sign bit set. */
  #split(sample: number): void {
    // 0 and -0 are one number.
    this.#value[0] = sample === 0 ? 0 : sample;
    const words = this.#words;
    this.#anyHigh |= words[1] as number;
    this.#anyLow |= words[0] as number;
    if (((words[1] as number) & 0x80000000) !== 0) {
      words[0] = ~(words[0] as number);
      words[1] = ~(words[1] as number);
    } else {
      words[1] = (words[1] as number) | 0x80000000;
    }
  }

  /** The bits of the split sample that this pass counts. */
  #bin(): number {
    const high = this.#words[1] as number;
    const low = this.#words[0] as number;
    switch (this.#pass) {
      case 0:
        return high >>> 12;
      case 1:
        return ((high & 0xfff) << 8) | (low >>> 24);
      case 2:
        return (low >>> 4) & 0xfffff;
      default:
        return low & 0xf;
    }
  }

  #groupOf(high: number, low: number): Group | undefined {
    return this.#groups.find((group) => group.high === high && group.low === low);
  }

  /** Finds the wanted sample's bin, and its value where no sample has any further bit. */
  #narrow(target: Target): void {
    const { counts } = this.#groupOf(target.high, target.low) as Group;
    let bin = 0;
    while (target.below + (counts[bin] as number) <= target.rank) {
      target.below += counts[bin] as number;
      bin++;
    }
    let further = 0;
    let ones: [high: number, low: number] = [0, 0];
    switch (this.#pass) {
      case 0:
        target.high = (bin << 12) >>> 0;
        further = (this.#anyHigh & 0xfff) | this.#anyLow;
        ones = [0xfff, 0xffffffff];
        break;
      case 1:
        target.high = (target.high | (bin >>> 8)) >>> 0;
        target.low = (bin << 24) >>> 0;
        further = this.#anyLow & 0xffffff;
        ones = [0, 0xffffff];
        break;
      case 2:
        target.low = (target.low | (bin << 4)) >>> 0;
        further = this.#anyLow & 0xf;
        ones = [0, 0xf];
        break;
      default:
        target.low = (target.low | bin) >>> 0;
    }
    if (further === 0) target.value = this.#join(target.high, target.low, ones);
  }

  /** The number of 64 ordered bits; those not known are zeros, which stand as ones in a negative number. */
  #join(high: number, low: number, [highOnes, lowOnes]: [number, number]): number {
    const words = this.#words;
    const negative = (high & 0x80000000) === 0;
    words[0] = negative ? ~(low | lowOnes) : low;
    words[1] = negative ? ~(high | highOnes) : high & 0x7fffffff;
    return this.#value[0] as number;
  }
}

function isWhole(samples: Samples): boolean {
  if (samples instanceof Float32Array || samples instanceof Float64Array) return false;
  if (samples instanceof Int32Array || samples instanceof Uint32Array) {
    return samples.every((sample: number) => sample >= least && sample <= most);
  }
  return true;
}
