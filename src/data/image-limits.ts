/** Limits on what reading images may take of memory, whatever their headers say. */

/** Pixels of an image of one cell: 4,096 x 4,096. Micrographs are read plane by plane, by files/tiff, and may be larger. */
export const mostPixels = 2 ** 24;

/** @throws Error */
export function requireSize(width: number, height: number): void {
  if (width * height > mostPixels) {
    throw new Error(
      `has ${width} x ${height} pixels, expected at most ${mostPixels} (as many as 4096 x 4096) in an image`,
    );
  }
}

/** Bits of samples that may be unpacked at once; a single image of the largest size is always let in. */
const budget = mostPixels * 16;
let used = 0;
const waiting: { bits: number; enter: () => void }[] = [];

/** Does work that unpacks so many bits, as soon as the work of others leaves room for it; small images never wait. */
export async function withinBudget<Result>(bits: number, work: () => Promise<Result>): Promise<Result> {
  const needed = Math.min(bits, budget);
  if (waiting.length > 0 || used + needed > budget) {
    await new Promise<void>((enter) => waiting.push({ bits: needed, enter }));
  } else {
    used += needed;
  }
  try {
    return await work();
  } finally {
    used -= needed;
    for (let next = waiting[0]; next && used + next.bits <= budget; next = waiting[0]) {
      waiting.shift();
      used += next.bits;
      next.enter();
    }
  }
}
