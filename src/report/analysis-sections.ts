/** Sections of the page from the folders (and a table) that other analyses wrote. */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DeepYeastError, fileError } from '../errors';
import type { Calibration } from '../evaluation/calibration';
import { parseJson } from '../files/parse-json';
import { openTable, optionalNumberField } from '../files/table-reader';
import { type Draft, listedRows } from './draft';
import {
  comparisonFigure,
  embeddingFigure,
  informationFigure,
  learningCurveFigure,
  reliabilityFigure,
  volcanoFigure,
} from './figures';
import { numberCell, paragraph, percentCell, percentText, pictureHtml, tableHtml } from './page';

async function readJson<Value>(path: string): Promise<Value> {
  try {
    return parseJson(await readFile(path, 'utf8'), path, 'dataset-invalid') as Value;
  } catch (error) {
    throw fileError('read', path, error);
  }
}

/**
 * Rows of a table: the named columns as numbers (null where empty), all others as text, whatever they look like.
 * @throws table-invalid for a column that is missing or holds anything else
 */
async function readRecords(
  path: string,
  numbers: readonly string[],
): Promise<Record<string, string | number | null>[]> {
  const table = await openTable(path);
  const missing = numbers.find((column) => !table.columns.includes(column));
  if (missing !== undefined) throw new DeepYeastError('table-invalid', `${path} has no column '${missing}'`);
  const rows: Record<string, string | number | null>[] = [];
  for await (const row of table.rows()) {
    const values = numbers.map((column) => [column, optionalNumberField(table, row, column) ?? null] as const);
    rows.push({ ...row.values, ...Object.fromEntries(values) });
  }
  return rows;
}

/** A number that the table has in every row. */
function present(value: string | number | null | undefined): number {
  return typeof value === 'number' ? value : Number.NaN;
}

const embeddingNumbers = ['tsne_x', 'tsne_y', 'umap_x', 'umap_y'];

export async function calibrationDraft(here: Calibration, folder: string | undefined): Promise<Draft> {
  const parts: Record<string, Calibration> = { 'these cells': here };
  const text = [
    `The mean largest posterior is ${percentText(here.confidence)}, and ${percentText(here.accuracy)} of the cells are right; the ` +
      `expected calibration error is ${percentText(here.expectedCalibrationError)}.`,
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
        `${percentText(before.expectedCalibrationError)} to ${percentText(after.expectedCalibrationError)}.`,
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

export async function explanationDraft(folder: string, classes: readonly string[]): Promise<Draft> {
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
  const units = await readRecords(join(folder, 'units.csv'), ['information', 'permuted']);
  const embeddings = await readRecords(join(folder, 'embeddings.csv'), embeddingNumbers);
  const classic = (await readdir(folder)).includes('classic.csv')
    ? await readRecords(join(folder, 'classic.csv'), ['information', 'permuted'])
    : [];
  const numeric = true;
  const information = [
    ...units.map((row) => ({
      layer: String(row.layer),
      information: present(row.information),
      permuted: present(row.permuted),
    })),
    ...classic.map((row) => ({
      layer: 'classic',
      information: present(row.information),
      permuted: present(row.permuted),
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

export async function comparisonDraft(folder: string): Promise<Draft> {
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

export async function qualityDraft(folders: readonly string[]): Promise<Draft> {
  const numeric = true;
  const parts: string[] = [];
  for (const folder of folders) {
    const { good, nonCells, scores, filter, featuresFrom } = await readJson<{
      good: number;
      nonCells: number;
      featuresFrom?: string;
      scores: { accuracy: number; balancedAccuracy: number; areaUnderRoc: number; averagePrecision: number };
      filter?: {
        threshold: number;
        cells: number;
        removed: number;
        models: { name: string; before: number; after: number; random: number }[];
        scores?: { areaUnderRoc: number } | null;
      };
    }>(join(folder, 'quality.json'));
    const name = featuresFrom ?? folder;
    // What the filter does to a dataset that had no part in its training says more than the other cells of that one.
    const elsewhere = (await readdir(folder)).includes('filter.json');
    const shown = elsewhere ? await readJson<NonNullable<typeof filter>>(join(folder, 'filter.json')) : filter;
    parts.push(
      paragraph(
        `On ${name}: a forest trained on ${good} good cells and ${nonCells} non-cells; out of fold ` +
          `${percentText(scores.accuracy)} are right (balanced ${percentText(scores.balancedAccuracy)}), area under the ROC ` +
          `curve ${scores.areaUnderRoc.toFixed(3)}, under the precision-recall curve of the non-cells ` +
          `${scores.averagePrecision.toFixed(3)}.`,
      ),
    );
    if (!shown) continue;
    parts.push(
      paragraph(
        `${shown.removed} of ${shown.cells} ${elsewhere ? 'cells of the filtered dataset' : 'other cells'} are below ${shown.threshold}.` +
          (shown.scores
            ? ` Against the marks the area under the ROC curve is ${shown.scores.areaUnderRoc.toFixed(3)}.`
            : ''),
      ),
      tableHtml(
        `Accuracy before and after the filter on ${name}`,
        [
          { title: 'model' },
          { title: 'before', numeric },
          { title: 'after', numeric },
          { title: 'as many at random', numeric },
        ],
        shown.models.map((row) => [row.name, percentCell(row.before), percentCell(row.after), percentCell(row.random)]),
      ),
    );
  }
  return { id: 'quality', title: 'Cell quality', parts };
}

export async function transferDraft(folder: string): Promise<Draft> {
  const rows = (await readRecords(join(folder, 'learning-curve.csv'), ['size', 'mean', 'deviation'])) as unknown as {
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
    ? await readRecords(join(folder, 'embedding.csv'), embeddingNumbers)
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

export async function changesDraft(path: string): Promise<Draft> {
  const rows = await readRecords(path, ['change', 'p', 'q', 'distance']);
  const proteins = rows.map((row) => ({
    protein: String(row.protein),
    change: present(row.change),
    p: row.p === null ? null : present(row.p),
    q: row.q === null ? null : present(row.q),
    distance: present(row.distance),
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
          .slice(0, listedRows)
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

export async function paperDraft(path: string): Promise<Draft> {
  const rows = await readJson<{ quantity: string; paper: string; here: string; note?: string }[]>(path);
  return {
    id: 'paper',
    title: 'The paper and here',
    parts: [
      tableHtml(
        'Every number of the paper beside this one',
        [{ title: 'quantity' }, { title: 'paper' }, { title: 'here' }, { title: '' }],
        rows.map(({ quantity, paper, here, note }) => [quantity, paper, here, note ?? '']),
      ),
    ],
  };
}
