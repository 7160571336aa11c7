/** A plate's fields in parts: a well is one, and so are some fields that have none. Parts do not depend on shards. */

import type { PlateField } from '../fields/plate';

/** Consecutive fields of the plan. */
export interface PlannedPart {
  /** Unique, and a file's name on every system. */
  name: string;
  first: number;
  count: number;
}

/** Fields of one part where they have no well. */
const fieldsWithoutWell = 16;

/** @param fields in order of plate, well and field */
export function partsOf(fields: readonly Pick<PlateField, 'images'>[]): PlannedPart[] {
  const parts: (Omit<PlannedPart, 'name'> & { plate: string; well: string })[] = [];
  for (const [index, { images }] of fields.entries()) {
    const { plate, well } = images;
    const last = parts.at(-1);
    const fits = last && last.plate === plate && last.well === well && (well !== '' || last.count < fieldsWithoutWell);
    if (fits) last.count++;
    else parts.push({ plate, well, first: index, count: 1 });
  }
  const taken = new Set<string>();
  return parts.map(({ plate, well, first, count }) => {
    const stem = [plate, well].filter((text) => text !== '').join('_') || 'fields';
    // Characters that some file system or address does not take, a leading point, and names too long for a file.
    const safe = stem.replace(/[^\p{L}\p{N}_-]/gu, '-').slice(0, 80);
    let name = safe;
    for (let count = 2; taken.has(name.toLowerCase()); count++) name = `${safe}-${count}`;
    taken.add(name.toLowerCase());
    return { name, first, count };
  });
}

/** Consecutive parts of the plan. */
export interface PlannedShard {
  first: number;
  count: number;
}

/**
 * Deals parts out to shards of about as many fields each, in order.
 *
 * @param shards at most as many as there are parts: no shard is empty
 */
export function shardsOf(parts: readonly PlannedPart[], shards: number): PlannedShard[] {
  const fields = parts.reduce((sum, { count }) => sum + count, 0);
  const dealt: PlannedShard[] = [];
  let first = 0;
  let done = 0;
  for (let shard = 0; shard < shards; shard++) {
    const goal = ((shard + 1) * fields) / shards;
    const most = parts.length - (shards - shard - 1); // each later shard gets a part at least
    let end = first;
    do {
      done += parts[end]?.count ?? 0;
      end++;
    } while (end < most && done + (parts[end]?.count ?? 0) / 2 <= goal);
    if (shard === shards - 1) end = parts.length;
    dealt.push({ first, count: end - first });
    first = end;
  }
  return dealt;
}
