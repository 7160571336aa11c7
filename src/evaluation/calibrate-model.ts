/** Calibration of a model: a temperature fitted on validation cells, tried on test cells and on compartments never seen. */
import { join } from 'node:path';
import type { Dataset } from '../data/dataset';
import { writeFileAtomically } from '../files/atomic-file';
import { writeRecords } from '../files/record-table';
import { writeFolder } from '../files/write-together';
import type { BatchOptions, Network } from '../network/network';
import { argmax } from '../prediction/call';
import { matchClasses } from '../prediction/class-match';
import { type RuleOptions, requireModelRule } from '../prediction/rule-match';
import { type Calibration, calibration, fitTemperature, type LabelledLogits, temperedPosterior } from './calibration';
import { areaUnderRoc, type KnownCell, type Rejection, rejection } from './rejection';

export interface CalibrateOptions extends BatchOptions, RuleOptions {
  /** Labelled cells that had no part in training or in the choice of the model. */
  test?: Dataset;
  /** Cells of compartments that the network never saw; their labels are not read. */
  unseen?: Dataset;
  /** Of the reliability diagram; default 15. */
  bins?: number;
  record?: Readonly<Record<string, unknown>>;
}

interface BeforeAndAfter {
  /** At temperature 1, the network's own posteriors. */
  before: Calibration;
  /** At the fitted temperature. */
  after: Calibration;
}

/** calibration.json */
export interface CalibrationReport {
  temperature: number;
  validation: BeforeAndAfter;
  test: BeforeAndAfter | null;
  /** Of known (test, else validation) cells against unseen ones, by the largest posterior at the fitted temperature. */
  unseen: {
    cells: number;
    /** Area under the ROC curve: known cells should be surer. */
    areaUnderRoc: number | null;
    areaUnderRocBefore: number | null;
    /** What thresholds 0.05, 0.1, ... 0.95 do. */
    thresholds: Rejection[];
  } | null;
}

/**
 * Fits the temperature on validation, and writes calibration.json and reliability.csv into a folder.
 * @throws class-unknown, rule-mismatch, dataset-invalid without labelled cells, aborted, io-error, disk-full
 */
export async function calibrateModel(
  network: Network,
  validation: Dataset,
  out: string,
  options: CalibrateOptions = {},
): Promise<CalibrationReport> {
  const { test, unseen, bins = 15, record = {} } = options;
  const fitted = await labelledLogits(network, validation, options);
  const temperature = fitTemperature(fitted);
  const both = (data: LabelledLogits): BeforeAndAfter => ({
    before: calibration(data, { bins }),
    after: calibration(data, { bins, temperature }),
  });
  const held = test && (await labelledLogits(network, test, options));
  const report: CalibrationReport = {
    temperature,
    validation: both(fitted),
    test: held ? both(held) : null,
    unseen: unseen ? await tryUnseen(network, held ?? fitted, unseen, temperature, options) : null,
  };
  await writeFolder(out, async (folder) => {
    const parts = { validation: report.validation, ...(report.test && { test: report.test }) };
    await writeRecords(
      join(folder, 'reliability.csv'),
      Object.entries(parts).flatMap(([part, pair]) =>
        Object.entries(pair).flatMap(([when, { bins: rows }]) =>
          (rows as Calibration['bins']).map((bin) => ({ part, when, ...bin })),
        ),
      ),
    );
    await writeFileAtomically(
      join(folder, 'calibration.json'),
      `${JSON.stringify({ ...record, ...report }, null, 2)}\n`,
    );
  });
  return report;
}

async function labelledLogits(network: Network, dataset: Dataset, options: CalibrateOptions): Promise<LabelledLogits> {
  requireModelRule(network, dataset, options);
  const index = matchClasses(network.classes, dataset);
  const { logits } = await network.predict(dataset, options);
  const labels = Int32Array.from(dataset.labels, (label) => (label < 0 ? -1 : (index[label] as number)));
  return { logits, labels, classes: network.classes.length };
}

function confidences({ logits, labels, classes }: LabelledLogits, temperature: number): KnownCell[] {
  const posterior = new Float64Array(classes);
  return Array.from(labels, (label, cell) => {
    temperedPosterior(logits, cell * classes, temperature, posterior);
    const called = argmax(posterior);
    return { confidence: posterior[called] as number, correct: called === label };
  });
}

async function tryUnseen(
  network: Network,
  known: LabelledLogits,
  unseen: Dataset,
  temperature: number,
  options: CalibrateOptions,
): Promise<NonNullable<CalibrationReport['unseen']>> {
  requireModelRule(network, unseen, options);
  const { logits } = await network.predict(unseen, options);
  const strangers: LabelledLogits = { logits, labels: new Int32Array(unseen.count), classes: network.classes.length };
  const labelled = (cells: KnownCell[]) => cells.filter((_, i) => (known.labels[i] as number) >= 0);
  const of = (data: LabelledLogits, t: number) => confidences(data, t).map(({ confidence }) => confidence);
  const after = labelled(confidences(known, temperature));
  const strange = of(strangers, temperature);
  const sure = (cells: KnownCell[]) => cells.map(({ confidence }) => confidence);
  return {
    cells: unseen.count,
    areaUnderRoc: areaUnderRoc(sure(after), strange),
    areaUnderRocBefore: areaUnderRoc(sure(labelled(confidences(known, 1))), of(strangers, 1)),
    thresholds: Array.from({ length: 19 }, (_, i) => rejection(after, strange, (i + 1) / 20)),
  };
}
