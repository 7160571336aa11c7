/** The report of a run: one page with every result there is, and its figures as files. */
import { readdir, readFile } from 'node:fs/promises';
import { cpus } from 'node:os';
import { basename, dirname, extname, join } from 'node:path';
import type { Dataset } from '../data/dataset';
import { describeNormalization } from '../data/normalization';
import { fileError } from '../errors';
import { type Calibration, calibration } from '../evaluation/calibration';
import { matchClasses } from '../evaluation/class-match';
import { evaluationColumns, PredictionsWriter } from '../evaluation/predictions-table';
import { type EvaluationOptions, evaluate, type Report } from '../evaluation/report';
import { type RuleOptions, requireModelRule } from '../evaluation/rule-match';
import { writeFileAtomically } from '../files/atomic-file';
import { readCsv } from '../files/csv';
import { makeOutputFolder } from '../files/output-folder';
import type { TableRecord } from '../files/record-table';
import type { BatchOptions, Network } from '../network/network';
import { type ProteinTable, proteins } from '../proteins';
import { type DrawnFigure, drawFigure, type Figure, writeFigures } from './figure';
import {
  classFigure,
  comparisonFigure,
  confusionFigure,
  embeddingFigure,
  informationFigure,
  learningCurveFigure,
  reliabilityFigure,
  trainingFigure,
  volcanoFigure,
} from './figures';
import { buildGalleries } from './gallery';
import {
  escapeHtml,
  figureHtml,
  numberCell,
  type PageSection,
  pageHtml,
  percentCell,
  pictureHtml,
  tableHtml,
} from './page';

export interface ReportOptions extends EvaluationOptions, RuleOptions, BatchOptions {
  /** The run's folder, for its curves and recipe. */
  run?: string;
  /** Folders (and a table) that the other analyses wrote; each becomes a section. */
  explained?: string;
  calibrated?: string;
  compared?: string;
  quality?: string;
  transfer?: string;
  changes?: string;
  /** A table "paper / here": JSON, rows of quantity, paper, here. */
  paper?: string;
  /** Shown under "How it was made", and at the head of metrics.json. */
  record?: Readonly<Record<string, unknown>>;
  title?: string;
  onProgress?: (done: number, total: number) => void;
}

export interface WrittenReport {
  page: string;
  bytes: number;
  /** Folder of metrics.json, predictions.csv and the figures. */
  folder: string;
  figures: string[];
  metrics: Report;
}

/** Proteins that the page lists; all are in proteins' own table. */
const listedProteins = 400;

/** A section under way: text, and figures that are drawn before it is put together. */
interface Draft {
  id: string;
  title: string;
  parts: (string | Figure)[];
}

/**
 * Evaluates a model on a labelled dataset and writes the page, and beside it a folder `<page>-files` with metrics.json,
 * predictions.csv and every figure as SVG, PNG and CSV. The page needs nothing else: no network, no other file.
 *
 * @param out path of the page
 * @throws class-unknown, rule-mismatch, dataset-invalid, labels-invalid, aborted, io-error, disk-full
 */
export async function writeReport(
  network: Network,
  dataset: Dataset,
  out: string,
  options: ReportOptions = {},
): Promise<WrittenReport> {
  const { record = {}, onProgress, title = `deepyeast: ${basename(dataset.path)}` } = options;
  requireModelRule(network, dataset, options);
  const index = matchClasses(network.classes, dataset);
  const predictions = await network.predict(dataset, { ...options, ...(onProgress && { onProgress }) });
  const metrics = await evaluate(predictions, dataset, options);
  const mixtures = await proteins(predictions, dataset, { replicates: 0 });
  const labels = Int32Array.from(dataset.labels, (label) => (label < 0 ? -1 : (index[label] as number)));
  const reliability = calibration({ logits: predictions.logits, labels, classes: network.classes.length });
  const galleries = await buildGalleries(network, dataset, predictions, labels, options);
  const drafts: Draft[] = [
    summaryDraft(metrics, reliability, dataset),
    classDraft(metrics),
    proteinDraft(metrics, mixtures),
    { id: 'cells', title: 'Cells, right and wrong', parts: [galleryIntroduction, galleries.html] },
    await calibrationDraft(reliability, options.calibrated),
  ];
  const more = [
    options.compared === undefined ? undefined : await comparisonDraft(options.compared),
    options.quality === undefined ? undefined : await qualityDraft(options.quality),
    options.explained === undefined ? undefined : await explanationDraft(options.explained, network.classes),
    options.transfer === undefined ? undefined : await transferDraft(options.transfer),
    options.changes === undefined ? undefined : await changesDraft(options.changes),
    options.run === undefined ? undefined : await trainingDraft(options.run),
    options.paper === undefined ? undefined : await paperDraft(options.paper),
  ];
  for (const draft of more) if (draft) drafts.push(draft);
  drafts.push(provenanceDraft(network, dataset, record));

  const drawn: DrawnFigure[] = [];
  const sections: PageSection[] = [];
  for (const { id, title: name, parts } of drafts) {
    const html: string[] = [];
    for (const part of parts) {
      if (typeof part === 'string') {
        html.push(part);
        continue;
      }
      const figure = await drawFigure(part);
      drawn.push(figure);
      if (!part.folderOnly) html.push(figureHtml(part.title, part.description, figure.svg));
    }
    sections.push({ id, title: name, html: html.join('\n') });
  }
  const page = pageHtml({ title, sections, images: galleries.images, details: galleries.details });
  const folder = join(dirname(out), `${basename(out, extname(out))}-files`);
  await makeOutputFolder(folder);
  const figures = await writeFigures(folder, drawn);
  await writeFileAtomically(join(folder, 'metrics.json'), `${JSON.stringify({ ...record, ...metrics }, null, 2)}\n`);
  await writePredictions(join(folder, 'predictions.csv'), dataset, predictions);
  await writeFileAtomically(out, page);
  return { page: out, bytes: Buffer.byteLength(page), folder, figures, metrics };
}

async function writePredictions(
  path: string,
  dataset: Dataset,
  { classes, posteriors }: { classes: readonly string[]; posteriors: Float32Array },
): Promise<void> {
  const writer = await PredictionsWriter.create(path, classes, { copy: evaluationColumns });
  try {
    let cell = 0;
    for await (const row of dataset.cells())
      await writer.append(row, posteriors, cell++ * classes.length, dataset.classes);
    await writer.commit();
  } catch (error) {
    await writer.abort();
    throw error;
  }
}

const paragraph = (text: string) => `<p>${escapeHtml(text)}</p>`;
const percent = (value: number | null | undefined) =>
  value === null || value === undefined || Number.isNaN(value) ? '-' : `${(100 * value).toFixed(1)}%`;

/** Big numbers; `key` names the number for tests and scripts. */
function numbersHtml(numbers: readonly { key: string; name: string; value: string; exact: number | null }[]): string {
  const items = numbers.map(
    ({ key, name, value, exact }) =>
      `<div><dt>${escapeHtml(name)}</dt><dd data-metric="${key}" data-exact="${exact ?? ''}">${escapeHtml(value)}</dd></div>`,
  );
  return `<dl class="numbers">${items.join('')}</dl>`;
}

function summaryDraft(metrics: Report, { expectedCalibrationError }: Calibration, dataset: Dataset): Draft {
  const { cells, proteins: called, medianRecall, medianPrecision, macroRecall, classes } = metrics;
  const number = (key: string, name: string, exact: number | null) => ({ key, name, value: percent(exact), exact });
  const sorted = classes.filter(({ recall }) => recall !== null).sort((a, b) => (a.recall ?? 0) - (b.recall ?? 0));
  const [hardest] = sorted;
  const easiest = sorted.at(-1);
  const worst = metrics.mostFrequentConfusions[0];
  const words = [
    `Of ${cells.count} labelled cells of ${dataset.path}, ${percent(cells.accuracy)} are called right` +
      (cells.interval
        ? ` (95% interval over proteins ${percent(cells.interval[0])} to ${percent(cells.interval[1])}).`
        : '.'),
    `Of ${called.count} proteins, called by the sum of their cells' posteriors, ${called.correct} are right.`,
    hardest && easiest
      ? `Recall is highest for ${easiest.name} (${percent(easiest.recall)}) and lowest for ${hardest.name} (${percent(hardest.recall)}).`
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

function classDraft(metrics: Report): Draft {
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

function proteinDraft(metrics: Report, { proteins: rows, classes }: ProteinTable): Draft {
  const { proteins: all, proteinsWithMinimumCells: large } = metrics;
  const numeric = true;
  // The wrong ones first, then those with the most cells: what a reader looks for.
  const listed = [...rows]
    .sort((a, b) => Number(a.correct ?? true) - Number(b.correct ?? true) || b.cells - a.cells)
    .slice(0, listedProteins);
  return {
    id: 'proteins',
    title: 'Proteins',
    parts: [
      paragraph(
        `${all.correct} of ${all.count} proteins are called right (${percent(all.accuracy)}); of those with at least ` +
          `${large.minimumCells} cells, ${large.correct} of ${large.count} (${percent(large.accuracy)}).` +
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

const galleryIntroduction = paragraph(
  'For every compartment the surest right calls (green frame) and the surest wrong ones (red frame), with the call and its ' +
    'posterior. Choose a cell to see all its posteriors and the cells that the network finds most alike.',
);

async function readJson<Value>(path: string): Promise<Value> {
  try {
    return JSON.parse(await readFile(path, 'utf8')) as Value;
  } catch (error) {
    throw fileError('read', path, error);
  }
}

/** Rows of a CSV file, numbers as numbers, empty fields null. */
async function readRecords(path: string): Promise<Record<string, string | number | null>[]> {
  const rows: Record<string, string | number | null>[] = [];
  for await (const row of readCsv(path)) {
    rows.push(
      Object.fromEntries(
        Object.entries(row).map(([name, text]) => [
          name,
          text === '' ? null : Number.isNaN(Number(text)) ? text : Number(text),
        ]),
      ),
    );
  }
  return rows;
}

async function calibrationDraft(here: Calibration, folder: string | undefined): Promise<Draft> {
  const parts: Record<string, Calibration> = { 'these cells': here };
  const text = [
    `The mean largest posterior is ${percent(here.confidence)}, and ${percent(here.accuracy)} of the cells are right; the ` +
      `expected calibration error is ${percent(here.expectedCalibrationError)}.`,
  ];
  if (folder !== undefined) {
    const found = await readJson<{
      temperature: number;
      test: { before: Calibration; after: Calibration } | null;
      validation: { before: Calibration; after: Calibration };
      unseen: { areaUnderRoc: number | null; cells: number } | null;
    }>(join(folder, 'calibration.json'));
    const { before, after } = found.test ?? found.validation;
    parts['at the fitted temperature'] = after;
    text.push(
      `At the temperature ${found.temperature.toFixed(2)}, fitted on validation, the error falls from ` +
        `${percent(before.expectedCalibrationError)} to ${percent(after.expectedCalibrationError)}.`,
    );
    if (found.unseen) {
      text.push(
        `Cells of compartments that the network never saw are told by a low posterior with an area under the ROC curve of ` +
          `${found.unseen.areaUnderRoc?.toFixed(3) ?? '-'} (${found.unseen.cells} cells).`,
      );
    }
  }
  return { id: 'calibration', title: 'Calibration', parts: [paragraph(text.join(' ')), reliabilityFigure(parts)] };
}

async function trainingDraft(run: string): Promise<Draft> {
  const lines = (await readFile(join(run, 'log.jsonl'), 'utf8').catch(() => ''))
    .split('\n')
    .filter((line) => line !== '');
  const rows = lines.map((line) => JSON.parse(line) as TableRecord);
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

async function explanationDraft(folder: string, classes: readonly string[]): Promise<Draft> {
  const explanation = await readJson<{
    cells: number;
    embeddedCells: number;
    classEntropy: number;
    layers: {
      layer: string;
      receptiveField: number;
      units: number;
      constantUnits: number;
      medianInformation: number | null;
      maximumInformation: number | null;
      medianPermuted: number | null;
      medianClassicCorrelation: number | null;
      medianGaborCorrelation: number | null;
      purity: { features: number; tsne: number; umap: number | null } | null;
    }[];
    classic: {
      medianInformation: number | null;
      maximumInformation: number | null;
      units: number;
      constantUnits: number;
    } | null;
  }>(join(folder, 'explain.json'));
  const units = await readRecords(join(folder, 'units.csv'));
  const embeddings = await readRecords(join(folder, 'embeddings.csv'));
  const classic = (await readdir(folder)).includes('classic.csv') ? await readRecords(join(folder, 'classic.csv')) : [];
  const numeric = true;
  const information = [
    ...units.map((row) => ({
      layer: String(row.layer),
      information: Number(row.information),
      permuted: Number(row.permuted),
    })),
    ...classic.map((row) => ({
      layer: 'classic',
      information: Number(row.information),
      permuted: Number(row.permuted),
    })),
  ];
  const layers = explanation.layers.map(({ layer }) => layer);
  // The logits are no features of their own: at most four of the others are shown.
  const hidden = layers.length > 4 ? layers.slice(0, -1) : layers;
  const parts: Draft['parts'] = [
    paragraph(
      `${explanation.cells} cells; the class has an entropy of ${explanation.classEntropy.toFixed(2)} bits, the most that a ` +
        `unit can say of it. Purity is the share of the ten nearest cells of the same class, of ${explanation.embeddedCells}.`,
    ),
    tableHtml(
      'Layers',
      [
        { title: 'layer' },
        { title: 'field (pixels)', numeric },
        { title: 'units', numeric },
        { title: 'constant', numeric },
        { title: 'median bits', numeric },
        { title: 'most bits', numeric },
        { title: 'permuted', numeric },
        { title: 'purity', numeric },
        { title: 'purity in t-SNE', numeric },
        { title: 'median |r| classic', numeric },
        { title: 'median |r| Gabor', numeric },
      ],
      explanation.layers.map((row) => [
        row.layer,
        numberCell(row.receptiveField),
        numberCell(row.units),
        numberCell(row.constantUnits),
        numberCell(row.medianInformation, 3),
        numberCell(row.maximumInformation, 3),
        numberCell(row.medianPermuted, 3),
        percentCell(row.purity?.features),
        percentCell(row.purity?.tsne),
        numberCell(row.medianClassicCorrelation, 2),
        numberCell(row.medianGaborCorrelation, 2),
      ]),
    ),
    informationFigure(information),
  ];
  const shown = new Set([0, 1 / 3, 2 / 3, 1].map((share) => hidden[Math.round(share * (hidden.length - 1))]));
  for (const layer of layers) {
    const points = embeddings.filter((row) => row.layer === layer) as unknown as Parameters<typeof embeddingFigure>[1];
    parts.push({ ...embeddingFigure(layer, points, classes), folderOnly: !shown.has(layer) });
  }
  if (layers.length > shown.size) {
    parts.push(
      paragraph(`Embeddings of ${[...shown].join(', ')}; those of all layers are in the folder beside this page.`),
    );
  }
  // A few sheets: the page has to stay light; all are in the folder.
  const sheets = [layers[0], layers.findLast((layer) => layer.startsWith('conv'))].filter(
    (layer) => layer !== undefined,
  );
  for (const layer of new Set(sheets)) {
    const png = await readFile(join(folder, `patches_${layer}.png`));
    const { default: sharp } = await import('sharp');
    const webp = await sharp(png).webp({ quality: 80 }).toBuffer();
    parts.push(
      pictureHtml(
        `Patches of ${layer}`,
        `The patches that excite the units of ${layer} most, a unit a row, the units that say most of the class first; grey is beyond the crop.`,
        `data:image/webp;base64,${webp.toString('base64')}`,
      ),
    );
  }
  return { id: 'units', title: 'Neurons explained', parts };
}

async function comparisonDraft(folder: string): Promise<Draft> {
  const found = await readJson<{
    cells: number;
    models: {
      name: string;
      accuracy: number;
      medianRecall: number | null;
      medianPrecision: number | null;
      proteins: { accuracy: number | null; count: number };
      classes: { name: string; recall: number | null; precision: number | null }[];
    }[];
    agreement: Record<string, number>;
    causes: Record<string, number>;
    suspects: { protein: string; cells: number; label: string; predicted: string; predictedMean: number }[];
  }>(join(folder, 'comparison.json'));
  const numeric = true;
  const { agreement, causes } = found;
  return {
    id: 'comparison',
    title: 'Comparison',
    parts: [
      tableHtml(
        'Models on the same cells',
        [
          { title: 'model' },
          { title: 'cells right', numeric },
          { title: 'median recall', numeric },
          { title: 'median precision', numeric },
          { title: 'proteins right', numeric },
        ],
        found.models.map((model) => [
          model.name,
          percentCell(model.accuracy),
          percentCell(model.medianRecall),
          percentCell(model.medianPrecision),
          percentCell(model.proteins.accuracy),
        ]),
      ),
      comparisonFigure(found.models),
      paragraph(
        `Of ${found.cells} cells both are right on ${agreement.bothRight}, only ${found.models[0]?.name} on ` +
          `${agreement.onlyFirstRight}, only ${found.models[1]?.name} on ${agreement.onlySecondRight}, none on ` +
          `${agreement.bothWrong}. Causes of the mistakes of ${found.models[0]?.name}: ` +
          `${Object.entries(causes)
            .map(([cause, count]) => `${cause} ${count}`)
            .join(', ')}.`,
      ),
      tableHtml(
        'Proteins to be annotated again: both models say another compartment',
        [
          { title: 'protein' },
          { title: 'cells', numeric },
          { title: 'label' },
          { title: 'called' },
          { title: 'mean posterior', numeric },
        ],
        found.suspects.map((row) => [
          row.protein,
          numberCell(row.cells),
          row.label,
          row.predicted,
          percentCell(row.predictedMean),
        ]),
      ),
    ],
  };
}

async function qualityDraft(folder: string): Promise<Draft> {
  const found = await readJson<{
    good: number;
    nonCells: number;
    scores: { accuracy: number; balancedAccuracy: number; areaUnderRoc: number; averagePrecision: number };
    filter?: {
      threshold: number;
      cells: number;
      removed: number;
      models: { name: string; before: number; after: number; random: number }[];
    };
  }>(join(folder, 'quality.json'));
  const { scores, filter } = found;
  const numeric = true;
  return {
    id: 'quality',
    title: 'Cell quality',
    parts: [
      paragraph(
        `A forest trained on ${found.good} good cells and ${found.nonCells} non-cells; out of fold ${percent(scores.accuracy)} are ` +
          `right (balanced ${percent(scores.balancedAccuracy)}), area under the ROC curve ${scores.areaUnderRoc.toFixed(3)}, ` +
          `under the precision-recall curve of the non-cells ${scores.averagePrecision.toFixed(3)}.`,
      ),
      ...(filter
        ? [
            paragraph(`${filter.removed} of ${filter.cells} cells are below ${filter.threshold}.`),
            tableHtml(
              'Accuracy before and after the filter',
              [
                { title: 'model' },
                { title: 'before', numeric },
                { title: 'after', numeric },
                { title: 'as many at random', numeric },
              ],
              filter.models.map((row) => [
                row.name,
                percentCell(row.before),
                percentCell(row.after),
                percentCell(row.random),
              ]),
            ),
          ]
        : []),
    ],
  };
}

async function transferDraft(folder: string): Promise<Draft> {
  const rows = (await readRecords(join(folder, 'learning-curve.csv'))) as unknown as {
    features: string;
    classifier: string;
    selection: string;
    size: number;
    draws: number;
    mean: number;
    deviation: number | null;
  }[];
  const points = rows.map((row) => ({
    method: row.classifier === 'fine-tuning' ? `fine-tuning, ${row.features}` : `${row.classifier} on ${row.features}`,
    selection: row.selection,
    size: row.size,
    mean: row.mean,
    low: row.mean - (row.deviation ?? 0),
    high: row.mean + (row.deviation ?? 0),
  }));
  const numeric = true;
  const embeddings = (await readdir(folder)).includes('embedding.csv')
    ? await readRecords(join(folder, 'embedding.csv'))
    : [];
  const classes = [...new Set(embeddings.map((row) => String(row.class)))];
  return {
    id: 'transfer',
    title: 'Transfer',
    parts: [
      learningCurveFigure(points),
      tableHtml(
        'Learning curve',
        [
          { title: 'method' },
          { title: 'settings' },
          { title: 'cells a class', numeric },
          { title: 'accuracy', numeric },
          { title: 'deviation', numeric },
        ],
        rows.map((row, i) => [
          points[i]?.method ?? '',
          row.selection,
          numberCell(row.size),
          percentCell(row.mean),
          percentCell(row.deviation),
        ]),
      ),
      ...(embeddings.length > 0
        ? [embeddingFigure('transfer', embeddings as unknown as Parameters<typeof embeddingFigure>[1], classes)]
        : []),
    ],
  };
}

async function changesDraft(path: string): Promise<Draft> {
  const rows = await readRecords(path);
  const proteins = rows.map((row) => ({
    protein: String(row.protein),
    change: Number(row.change),
    p: row.p === null ? null : Number(row.p),
    q: row.q === null ? null : Number(row.q),
    distance: Number(row.distance),
    moved: row.moved === 'true',
    changedClass: String(row.changed_class),
  }));
  const moved = proteins.filter((row) => row.moved).sort((a, b) => b.distance - a.distance);
  const numeric = true;
  return {
    id: 'changes',
    title: 'Proteins that moved',
    parts: [
      paragraph(`${moved.length} of ${proteins.filter(({ p }) => p !== null).length} tested proteins moved.`),
      volcanoFigure(proteins),
      tableHtml(
        'Proteins that moved',
        [
          { title: 'protein' },
          { title: 'most changed' },
          { title: 'change', numeric },
          { title: 'distance', numeric },
          { title: 'q', numeric },
        ],
        moved
          .slice(0, listedProteins)
          .map((row) => [
            row.protein,
            row.changedClass,
            percentCell(row.change),
            percentCell(row.distance),
            numberCell(row.q, 4),
          ]),
      ),
    ],
  };
}

async function paperDraft(path: string): Promise<Draft> {
  const rows = await readJson<{ quantity: string; paper: string; here: string }[]>(path);
  return {
    id: 'paper',
    title: 'The paper and here',
    parts: [
      tableHtml(
        'Every number of the paper beside this one',
        [{ title: 'quantity' }, { title: 'paper' }, { title: 'here' }],
        rows.map(({ quantity, paper, here }) => [quantity, paper, here]),
      ),
    ],
  };
}

function provenanceDraft(network: Network, dataset: Dataset, record: Readonly<Record<string, unknown>>): Draft {
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
