/** A forest trained on a folder of features: what it scores on other cells, and which features it uses. */
import { labelledRows, readFeatureCells, withClasses } from '../features/labelled-features';
import { writeRecords } from '../files/record-table';
import { Forest, type ForestOptions, type PermutationImportance } from './forest';
import { accuracyOf } from './forest-scores';

export interface TrainForestOptions extends ForestOptions {
  /** Folder of features of other cells, to score the forest on. */
  validation?: string;
  /** Table for the importance of every feature, by permutation too where there are validation cells. */
  importance?: string;
}

export interface TrainedForest {
  /** Labelled cells that it was trained on, and tried on. */
  cells: number;
  features: number;
  classes: readonly string[];
  options: Forest['options'];
  outOfBagError: number | null;
  validation: { cells: number; accuracy: number; macroRecall: number } | null;
  /** The features used most, the first the most. */
  top: { feature: string; importance: number }[];
}

/** Features that a summary names. */
const topFeatures = 10;

/**
 * Trains a forest on the labelled cells of a folder that `deepyeast features` wrote, and writes it to a file.
 * @throws dataset-invalid, labels-invalid, table-invalid, invalid-argument, aborted, disk-full, io-error
 */
export async function trainForestFile(
  folder: string,
  out: string,
  options: TrainForestOptions,
): Promise<TrainedForest> {
  const { validation: validationFolder, importance: importanceTable, ...growth } = options;
  const source = await readFeatureCells(folder);
  const other = validationFolder === undefined ? undefined : await readFeatureCells(validationFolder);
  const training = labelledRows(source);
  const validation = other && labelledRows(withClasses(other, source.classes));
  const forest = await Forest.train(training.features, training.labels, source.classes, growth);
  try {
    await forest.save(out);
    const { threads, signal, seed = 0 } = growth;
    const scores =
      validation &&
      accuracyOf(
        await forest.predict(validation.features, { threads, signal }),
        validation.labels,
        forest.classes.length,
      );
    const { names } = training.features;
    const importance = forest.impurityImportance();
    const ranked = [...names.keys()].sort((a, b) => (importance[b] as number) - (importance[a] as number));
    if (importanceTable !== undefined) {
      const permuted =
        validation &&
        (await forest.permutationImportance(validation.features, validation.labels, { seed, threads, signal }));
      await writeImportance(importanceTable, ranked, names, importance, permuted);
    }
    return {
      cells: training.features.rows,
      features: forest.columns,
      classes: forest.classes,
      options: forest.options,
      outOfBagError: forest.outOfBagError,
      validation: validation && scores ? { cells: validation.features.rows, ...scores } : null,
      top: ranked
        .slice(0, topFeatures)
        .map((column) => ({ feature: names[column] as string, importance: importance[column] as number })),
    };
  } finally {
    await forest.close();
  }
}

/** One row a feature, the most important first. */
async function writeImportance(
  path: string,
  ranked: readonly number[],
  names: readonly string[],
  impurity: Float64Array,
  permuted: PermutationImportance | undefined,
): Promise<void> {
  await writeRecords(
    path,
    ranked.map((column) => ({
      feature: names[column] as string,
      impurity: impurity[column] as number,
      ...(permuted && {
        permutation: permuted.mean[column] as number,
        permutation_deviation: permuted.standardDeviation[column] as number,
      }),
    })),
  );
}
