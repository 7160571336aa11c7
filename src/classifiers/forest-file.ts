/** Forests as safetensors files: the trees as arrays in scikit-learn's form, what they are as metadata. */
import { DeepYeastError } from '../errors';
import { parseJson } from '../files/parse-json';
import { SafetensorsFile, writeSafetensors } from '../files/safetensors';
import type { NativeForestArrays } from '../native';

/** Raised when a change makes older readers misread the file. */
const formatVersion = '1';
const format = 'deepyeast-forest';

/** What a forest is beside its trees. */
export interface ForestDescription {
  classes: string[];
  columns: number;
  /** Of the columns. */
  names?: string[];
  options: {
    trees: number;
    featuresPerSplit: number;
    leafSize: number;
    classWeights?: number[] | 'balanced';
    downSample: boolean;
    seed: number;
  };
  outOfBagError: number | null;
}

interface StoredForest {
  description: ForestDescription;
  arrays: NativeForestArrays;
  /** [columns] */
  importance: Float64Array;
}

/** Writes the file whole or not at all. @throws disk-full, io-error */
export async function writeForest(
  path: string,
  description: ForestDescription,
  arrays: NativeForestArrays,
  importance: Float64Array,
): Promise<void> {
  const { treeBegins, features, thresholds, left, leaves } = arrays;
  const classes = description.classes.length;
  const tensors = [
    { name: 'impurity_importance', dtype: 'F64', shape: [importance.length], values: importance },
    { name: 'tree_begins', dtype: 'I32', shape: [treeBegins.length], values: treeBegins },
    { name: 'feature', dtype: 'I32', shape: [features.length], values: features },
    { name: 'threshold', dtype: 'F32', shape: [thresholds.length], values: thresholds },
    { name: 'left', dtype: 'I32', shape: [left.length], values: left },
    { name: 'leaves', dtype: 'F32', shape: [leaves.length / classes, classes], values: leaves },
  ];
  const metadata = new Map([
    ['format', format],
    ['format_version', formatVersion],
    ['forest', JSON.stringify(description)],
  ]);
  await writeSafetensors(path, metadata, tensors);
}

/** Reads and checks the file; that the trees are trees is for the addon to check. @throws model-invalid, io-error */
export async function readForest(path: string): Promise<StoredForest> {
  const file = await SafetensorsFile.open(path);
  try {
    const { metadata } = file.header;
    if (metadata.get('format') !== format) {
      throw invalid(path, `is not a forest: its metadata has the format ${JSON.stringify(metadata.get('format'))}`);
    }
    if (metadata.get('format_version') !== formatVersion) {
      throw invalid(path, `has format version ${metadata.get('format_version')}; this version reads ${formatVersion}`);
    }
    const description = parseDescription(metadata.get('forest') ?? '', path);
    const integers = async (name: string) => {
      const { buffer } = await file.bytes(name, 'I32');
      return new Int32Array(buffer as ArrayBuffer);
    };
    const importance = new Float64Array((await file.bytes('impurity_importance', 'F64')).buffer as ArrayBuffer);
    const arrays: NativeForestArrays = {
      treeBegins: await integers('tree_begins'),
      features: await integers('feature'),
      thresholds: await file.values('threshold'),
      left: await integers('left'),
      leaves: await file.values('leaves'),
    };
    if (arrays.treeBegins.length !== description.options.trees + 1) {
      throw invalid(path, `has ${arrays.treeBegins.length - 1} trees; its metadata says ${description.options.trees}`);
    }
    if (!importance.every(Number.isFinite)) throw invalid(path, 'has an importance that is not finite');
    return { description, arrays, importance };
  } finally {
    await file.close();
  }
}

function parseDescription(text: string, path: string): ForestDescription {
  const value = parseJson(text, `${path}: its metadata`, 'model-invalid');
  const isNames = (names: unknown, length?: number): boolean =>
    Array.isArray(names) &&
    names.every((name) => typeof name === 'string') &&
    (length === undefined || names.length === length);
  const isCount = (count: unknown): count is number => Number.isSafeInteger(count) && (count as number) >= 0;
  const found = value as ForestDescription | null;
  if (
    typeof found !== 'object' ||
    found === null ||
    !isCount(found.columns) ||
    !isNames(found.classes) ||
    found.classes.length === 0 ||
    (found.names !== undefined && !isNames(found.names, found.columns)) ||
    typeof found.options !== 'object' ||
    found.options === null ||
    ![found.options.trees, found.options.featuresPerSplit, found.options.leafSize, found.options.seed].every(isCount) ||
    found.options.trees < 1 ||
    !(found.outOfBagError === null || Number.isFinite(found.outOfBagError))
  ) {
    throw invalid(path, 'has metadata that does not describe a forest; train it again');
  }
  return found;
}

function invalid(path: string, found: string): DeepYeastError {
  return new DeepYeastError('model-invalid', `${path} ${found}`);
}
