import { closest } from 'fastest-levenshtein';
import { DeepYeastError } from '../errors';
import { readJsonFile } from '../files/json';
import type { TopologyOptions } from './topology';

/** What a topology file may say; image size, channels and classes come from the dataset. */
const known = ['blocks', 'dense', 'dropout', 'normalizationEpsilon', 'normalizationMomentum'] as const;

export type TopologyFile = Pick<TopologyOptions, (typeof known)[number]>;

const example = '{"blocks": [[8], [16]], "dense": [16]}';

/**
 * Reads a network's layers from a JSON file such as {"blocks": [[8], [16]], "dense": [16], "dropout": 0.5}. The native
 * core judges the numbers when a network is made of them.
 *
 * @throws invalid-topology, io-error
 */
export async function readTopologyFile(path: string): Promise<TopologyFile> {
  const value = await readJsonFile(path, 'the topology', 'invalid-topology');
  const invalid = (found: string) => new DeepYeastError('invalid-topology', `${path}: ${found}, as in ${example}`);
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw invalid('expected an object');
  for (const key of Object.keys(value)) {
    if (!(known as readonly string[]).includes(key)) {
      throw invalid(`there is no field "${key}"; did you mean "${closest(key, known)}"? Expected ${known.join(', ')}`);
    }
  }
  const fields = value as Record<(typeof known)[number], unknown>;
  const isNumbers = (list: unknown) => Array.isArray(list) && list.every(Number.isFinite);
  if (!Array.isArray(fields.blocks) || !fields.blocks.every(isNumbers)) {
    throw invalid('blocks must be a list of blocks, each a list of channels');
  }
  if (!isNumbers(fields.dense)) throw invalid('dense must be a list of units');
  for (const key of ['dropout', 'normalizationEpsilon', 'normalizationMomentum'] as const) {
    if (fields[key] !== undefined && !Number.isFinite(fields[key])) throw invalid(`${key} must be a number`);
  }
  return value as TopologyFile;
}
