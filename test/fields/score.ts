/**
 * Scores a label image against hand-corrected truth by the rules of `score.py` beside the real fields: matching is one to one by
 * falling IoU; either policy for buds is right (a prediction may be one cell, or a mother with some of her buds); cells
 * flagged unsure and those at the border are left out. test/fixtures/score holds numbers of the original.
 */

export interface TruthCell {
  border: boolean;
  /** 0: none. */
  budOf: number;
  flag: 'ok' | 'dead' | 'unsure';
}

export interface Counts {
  tp: number;
  fp: number;
  fn: number;
  f1: number;
}

export interface Score {
  at50: Counts;
  at75: Counts;
  /** Labels of the scored cells that no prediction matches at 0.5, and of the predictions that match none. */
  missed: number[];
  false: number[];
}

/** Every connected subset of a tree of mothers and buds. */
function connectedSubsets(members: readonly number[], cells: ReadonlyMap<number, TruthCell>): number[][] {
  const subsets: number[][] = [];
  for (let bits = 1; bits < 2 ** members.length; bits++) {
    const subset = members.filter((_, i) => (bits >> i) & 1);
    const edges = subset.filter((label) => subset.includes(cells.get(label)?.budOf ?? 0)).length;
    if (edges === subset.length - 1) subsets.push(subset);
  }
  return subsets;
}

/** Mothers with all their buds, and cells that are neither. */
function families(cells: ReadonlyMap<number, TruthCell>): number[][] {
  const roots = new Map<number, number>();
  const root = (label: number): number => {
    const next = roots.get(label) ?? label;
    return next === label ? label : root(next);
  };
  for (const [label, { budOf }] of cells) if (cells.has(budOf)) roots.set(root(label), root(budOf));
  const result = new Map<number, number[]>();
  for (const label of cells.keys()) result.set(root(label), [...(result.get(root(label)) ?? []), label]);
  return [...result.values()];
}

export function score(
  truth: ArrayLike<number>,
  table: ReadonlyMap<number, TruthCell>,
  predicted: ArrayLike<number>,
  width: number,
): Score {
  const overlaps = new Map<number, Map<number, number>>(); // pixels, by truth and prediction
  const areas = new Map<number, number>();
  const truthAreas = new Map<number, number>();
  const atEdge = new Set<number>();
  const height = truth.length / width;
  for (let i = 0; i < truth.length; i++) {
    const t = truth[i] as number;
    const p = predicted[i] as number;
    if (t !== 0) truthAreas.set(t, (truthAreas.get(t) ?? 0) + 1);
    if (p === 0) continue;
    areas.set(p, (areas.get(p) ?? 0) + 1);
    const x = i % width;
    const y = (i - x) / width;
    if (x === 0 || y === 0 || x === width - 1 || y === height - 1) atEdge.add(p);
    if (t === 0) continue;
    const row = overlaps.get(t) ?? new Map<number, number>();
    row.set(p, (row.get(p) ?? 0) + 1);
    overlaps.set(t, row);
  }
  const cells = new Map([...table].filter(([label]) => truthAreas.has(label)).sort(([a], [b]) => a - b));
  const overlap = (t: number, p: number) => overlaps.get(t)?.get(p) ?? 0;
  const truthArea = (t: number) => truthAreas.get(t) as number;
  const area = (p: number) => areas.get(p) as number;
  const leftOut = new Set([...cells].filter(([, c]) => c.flag === 'unsure' || c.border).map(([label]) => label));
  const scored = [...cells.keys()].filter((label) => !leftOut.has(label));

  const hits = new Map<number, Set<number>>();
  for (const t of cells.keys())
    for (const [p, both] of overlaps.get(t) ?? [])
      if (both / (truthArea(t) + area(p) - both) >= 0.5) hits.set(t, (hits.get(t) ?? new Set()).add(p));

  const candidates: { iou: number; p: number; members: number[] }[] = [];
  for (const family of families(cells)) {
    const subsets = connectedSubsets(family, cells);
    const touching = new Set(family.flatMap((t) => [...(overlaps.get(t)?.keys() ?? [])]));
    for (const p of touching) {
      const ious = subsets.map((members) => {
        const both = members.reduce((sum, t) => sum + overlap(t, p), 0);
        return both / (members.reduce((sum, t) => sum + truthArea(t), 0) + area(p) - both);
      });
      for (const [i, members] of subsets.entries()) {
        const iou = ious[i] as number;
        if (iou < 0.5) continue;
        if (members.length > 1) {
          const partIsBetter = subsets.some(
            (part, k) =>
              part.length < members.length && part.every((t) => members.includes(t)) && (ious[k] as number) >= iou,
          );
          if (partIsBetter || members.some((t) => overlap(t, p) < 0.5 * truthArea(t))) continue;
          if (members.some((t) => [...(hits.get(t) ?? [])].some((other) => other !== p))) continue;
        }
        candidates.push({ iou, p, members });
      }
    }
  }
  candidates.sort((a, b) => b.iou - a.iou || a.p - b.p || a.members.length - b.members.length);

  const covered = (p: number, labels: Iterable<number>) => {
    let pixels = 0;
    for (const t of labels) pixels += overlap(t, p);
    return pixels;
  };
  const count = (threshold: number) => {
    const usedTruth = new Set<number>();
    const used = new Set<number>();
    for (const { iou, p, members } of candidates) {
      if (iou < threshold || used.has(p) || members.some((t) => usedTruth.has(t))) continue;
      used.add(p);
      for (const t of members) usedTruth.add(t);
    }
    const missed = scored.filter((t) => !usedTruth.has(t));
    const wrong = [...areas.keys()].filter((p) => {
      if (used.has(p) || covered(p, leftOut) > 0.5 * area(p)) return false;
      return !(atEdge.has(p) && covered(p, scored) < 0.5 * area(p));
    });
    const tp = scored.length - missed.length;
    const counts = { tp, fp: wrong.length, fn: missed.length, f1: (2 * tp) / (2 * tp + wrong.length + missed.length) };
    return { counts, missed, wrong: wrong.sort((a, b) => a - b) };
  };
  const half = count(0.5);
  return { at50: half.counts, at75: count(0.75).counts, missed: half.missed, false: half.wrong };
}
