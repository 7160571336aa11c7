/** Sections of the page that a model, a dataset and the run's folder give. */
import { readFile } from 'node:fs/promises';
import { cpus } from 'node:os';
import { join } from 'node:path';
import type { Dataset } from '../data/dataset';
import { describeNormalization } from '../data/normalization';
import type { Calibration } from '../evaluation/calibration';
import type { Report } from '../evaluation/report';
import { parseJson } from '../files/parse-json';
import type { TableRecord } from '../files/record-table';
import type { Network } from '../network/network';
import type { ProteinTable } from '../proteins';
import { type Draft, listedRows } from './draft';
import { classFigure, confusionFigure, trainingFigure } from './figures';
import { escapeHtml, numberCell, paragraph, percentCell, percentText, tableHtml } from './page';

/** Big numbers; `key` names the number for tests and scripts. */
function numbersHtml(numbers: readonly { key: string; name: string; value: string; exact: number | null }[]): string {
  const items = numbers.map(
    ({ key, name, value, exact }) =>
      `<div><dt>${escapeHtml(name)}</dt><dd data-metric="${key}" data-exact="${exact ?? ''}">${escapeHtml(value)}</dd></div>`,
  );
  return `<dl class="numbers">${items.join('')}</dl>`;
}

export function summaryDraft(metrics: Report, { expectedCalibrationError }: Calibration, dataset: Dataset): Draft {
  const { cells, proteins: called, medianRecall, medianPrecision, macroRecall, classes } = metrics;
  const number = (key: string, name: string, exact: number | null) => ({ key, name, value: percentText(exact), exact });
  const sorted = classes.filter(({ recall }) => recall !== null).sort((a, b) => (a.recall ?? 0) - (b.recall ?? 0));
  const [hardest] = sorted;
  const easiest = sorted.at(-1);
  const worst = metrics.mostFrequentConfusions[0];
  const words = [
    `Of ${cells.count} labelled cells of ${dataset.path}, ${percentText(cells.accuracy)} are called right` +
      (cells.interval
        ? ` (95% interval over proteins ${percentText(cells.interval[0])} to ${percentText(cells.interval[1])}).`
        : '.'),
    `Of ${called.count} proteins, called by the sum of their cells' posteriors, ${called.correct} are right.`,
    hardest && easiest
      ? `Recall is highest for ${easiest.name} (${percentText(easiest.recall)}) and lowest for ${hardest.name} (${percentText(hardest.recall)}).`
      : '',
    worst ? `The most frequent mistake: ${worst.count} cells of ${worst.true} called ${worst.predicted}.` : '',
  ];
  return {
    id: 'summary',
    title: 'Summary',
    parts: [
      paragraph(words.filter((text) => text !== '').join(' ')),
      numbersHtml([
        number('cells.accuracy', 'cells right', cells.accuracy),
        number('proteins.accuracy', 'proteins right', called.accuracy),
        number('medianRecall.value', 'median recall', medianRecall.value),
        number('medianPrecision.value', 'median precision', medianPrecision.value),
        number('macroRecall.value', 'macro recall', macroRecall.value),
        number('', 'calibration error', expectedCalibrationError),
      ]),
    ],
  };
}

export function classDraft(metrics: Report): Draft {
  const ofProteins = metrics.proteins.classes;
  const rows = metrics.classes.map(({ name, recall, precision, support }, c) => [
    name,
    percentCell(recall),
    percentCell(precision),
    numberCell(support),
    percentCell(ofProteins[c]?.accuracy),
    numberCell(ofProteins[c]?.count),
  ]);
  const numeric = true;
  return {
    id: 'classes',
    title: 'Compartments',
    parts: [
      tableHtml(
        'Every compartment',
        [
          { title: 'class' },
          { title: 'recall', numeric },
          { title: 'precision', numeric },
          { title: 'cells', numeric },
          { title: 'proteins right', numeric },
          { title: 'proteins', numeric },
        ],
        rows,
      ),
      classFigure(metrics),
      confusionFigure(metrics),
      tableHtml(
        'Most frequent confusions',
        [{ title: 'compartment' }, { title: 'called' }, { title: 'cells', numeric }, { title: 'share', numeric }],
        metrics.mostFrequentConfusions.map((pair) => [
          pair.true,
          pair.predicted,
          numberCell(pair.count),
          percentCell(pair.rate),
        ]),
      ),
    ],
  };
}

export function proteinDraft(metrics: Report, { proteins: rows, classes }: ProteinTable): Draft {
  const { proteins: all, proteinsWithMinimumCells: large } = metrics;
  const numeric = true;
  // The wrong ones first, then those with the most cells: what a reader looks for.
  const listed = [...rows]
    .sort((a, b) => wrongFirst(a.correct) - wrongFirst(b.correct) || b.cells - a.cells)
    .slice(0, listedRows);
  return {
    id: 'proteins',
    title: 'Proteins',
    parts: [
      paragraph(
        `${all.correct} of ${all.count} proteins are called right (${percentText(all.accuracy)}); of those with at least ` +
          `${large.minimumCells} cells, ${large.correct} of ${large.count} (${percentText(large.accuracy)}).` +
          (rows.length > listed.length
            ? ` The table lists ${listed.length} of ${rows.length}, wrong calls first.`
            : ''),
      ),
      tableHtml(
        'Proteins',
        [
          { title: 'protein' },
          { title: 'cells', numeric },
          { title: 'label' },
          { title: 'called' },
          { title: 'share of the call', numeric },
          { title: 'share of the label', numeric },
        ],
        listed.map((row) => [
          row.protein,
          numberCell(row.cells),
          row.label ?? '-',
          `${row.predicted}${row.correct === false ? ' (wrong)' : ''}`,
          percentCell(row.mode[classes.indexOf(row.predicted)]),
          percentCell(row.label === null ? null : row.mode[classes.indexOf(row.label)]),
        ]),
      ),
    ],
  };
}

export async function trainingDraft(run: string): Promise<Draft> {
  const lines = (await readFile(join(run, 'log.jsonl'), 'utf8').catch(() => ''))
    .split('\n')
    .filter((line) => line !== '');
  const log = join(run, 'log.jsonl');
  const rows = lines.map((line, i) => parseJson(line, `${log}, line ${i + 1},`, 'run-invalid') as TableRecord);
  const recipe = await readFile(join(run, 'recipe.json'), 'utf8').catch(() => '{}');
  const best = rows.filter((row) => row.best === true).at(-1);
  return {
    id: 'training',
    title: 'Training',
    parts: [
      paragraph(
        rows.length === 0
          ? 'The run has no log.'
          : `${rows.at(-1)?.iteration} mini-batches; the best model is of iteration ${best?.iteration ?? '-'}.`,
      ),
      ...(rows.length === 0 ? [] : [trainingFigure(rows)]),
      `<details><summary>Recipe</summary><pre>${escapeHtml(recipe)}</pre></details>`,
    ],
  };
}

export function provenanceDraft(network: Network, dataset: Dataset, record: Readonly<Record<string, unknown>>): Draft {
  const facts: [string, string][] = [
    ['model', JSON.stringify(record.model ?? null)],
    ['computed on', network.description],
    ['processor', cpus()[0]?.model ?? 'unknown'],
    ['Node.js', process.version],
    ['seed of the model', String(network.seed)],
    ['blocks', JSON.stringify(network.topology.blocks)],
    ['dense layers', JSON.stringify(network.topology.dense)],
    ['dataset', `${dataset.path}, ${dataset.count} cells of ${dataset.size} x ${dataset.size} pixels`],
    ['channels', dataset.channels.join(', ')],
    ['intensities', describeNormalization(dataset.normalization)],
    ['provenance', JSON.stringify(dataset.description.provenance ?? null)],
    ...Object.entries(record)
      .filter(([name]) => name !== 'model')
      .map(([name, value]): [string, string] => [name, typeof value === 'string' ? value : JSON.stringify(value)]),
  ];
  return {
    id: 'made',
    title: 'How it was made',
    parts: [tableHtml('Versions, seeds, data', [{ title: 'what' }, { title: 'value' }], facts)],
  };
}

/** Sorts what is known to be wrong before the rest. */
function wrongFirst(correct: boolean | null): number {
  return correct === false ? 0 : 1;
}
