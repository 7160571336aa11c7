/** The figures of the report: from results to rows and Vega-Lite. */
import type { Calibration } from '../evaluation/calibration';
import type { Report } from '../evaluation/report';
import type { TableRecord } from '../files/record-table';
import type { Figure } from './figure';

const percent = { format: '.0%' };

/** Share of every class's cells by predicted class. */
export function confusionFigure({ confusion }: Pick<Report, 'confusion'>): Figure {
  const { classes, counts, rates } = confusion;
  const rows = classes.flatMap((name, t) =>
    classes.map((other, p) => ({
      true: name,
      predicted: other,
      cells: counts[t]?.[p] ?? 0,
      share: rates[t]?.[p] ?? null,
    })),
  );
  const axes = {
    x: { field: 'predicted', type: 'nominal', sort: classes, axis: { labelAngle: -45, title: 'called' } },
    y: { field: 'true', type: 'nominal', sort: classes, axis: { title: 'compartment' } },
  };
  return {
    name: 'confusion',
    title: 'Confusion matrix',
    description: `Share of each compartment's cells (rows) that are called each class (columns), ${classes.length} classes.`,
    rows,
    spec: {
      width: { step: 30 },
      height: { step: 26 },
      encoding: axes,
      layer: [
        {
          mark: 'rect',
          encoding: {
            color: {
              field: 'share',
              type: 'quantitative',
              scale: { scheme: 'blues', domain: [0, 1] },
              legend: { title: 'share', ...percent },
            },
          },
        },
        {
          transform: [{ filter: 'datum.share >= 0.005' }],
          mark: { type: 'text', fontSize: 9 },
          encoding: {
            text: { field: 'share', type: 'quantitative', format: '.0%' },
            color: { condition: { test: 'datum.share > 0.5', value: 'white' }, value: 'black' },
          },
        },
      ],
    },
  };
}

/** Recall and precision of every class with 95% intervals. */
export function classFigure({ classes }: Pick<Report, 'classes'>): Figure {
  const rows = classes.flatMap(({ name, recall, precision, recallInterval, precisionInterval, support }) => [
    { class: name, measure: 'recall', value: recall, ...ends(recallInterval), cells: support },
    { class: name, measure: 'precision', value: precision, ...ends(precisionInterval), cells: support },
  ]);
  return {
    name: 'recall-precision',
    title: 'Recall and precision',
    description: 'Recall and precision of every class, with 95% intervals by bootstrap over proteins.',
    rows,
    spec: {
      width: 420,
      height: { step: 12 },
      encoding: {
        y: { field: 'class', type: 'nominal', sort: classes.map(({ name }) => name), axis: { title: null } },
        yOffset: { field: 'measure', type: 'nominal', sort: ['recall', 'precision'] },
        color: {
          field: 'measure',
          type: 'nominal',
          sort: ['recall', 'precision'],
          legend: { title: null, orient: 'top' },
        },
      },
      layer: [
        {
          mark: { type: 'rule', strokeWidth: 2, opacity: 0.5 },
          encoding: { x: { field: 'low', type: 'quantitative' }, x2: { field: 'high' } },
        },
        {
          mark: { type: 'point', filled: true, size: 50 },
          encoding: {
            x: { field: 'value', type: 'quantitative', scale: { domain: [0, 1] }, axis: { title: null, ...percent } },
          },
        },
      ],
    },
  };
}

const ends = (interval: readonly [number, number] | null) => ({
  low: interval?.[0] ?? null,
  high: interval?.[1] ?? null,
});

/** Loss and accuracy over a run. */
export function trainingFigure(rows: TableRecord[]): Figure {
  const long = rows.flatMap((row) =>
    (['loss', 'accuracy'] as const).flatMap((measure) => [
      { epoch: row.epoch ?? null, measure, part: 'training', value: row[measure] ?? null },
      { epoch: row.epoch ?? null, measure, part: 'validation', value: row[`validation_${measure}`] ?? null },
    ]),
  );
  return {
    name: 'training',
    title: 'Training',
    description: 'Loss and accuracy on training and validation cells over the epochs of the run.',
    rows: long.filter(({ value }) => value !== null),
    spec: {
      facet: { column: { field: 'measure', type: 'nominal', sort: ['loss', 'accuracy'], header: { title: null } } },
      resolve: { scale: { y: 'independent' } },
      spec: {
        width: 290,
        height: 200,
        mark: { type: 'line', point: rows.length < 40 },
        encoding: {
          x: { field: 'epoch', type: 'quantitative' },
          y: { field: 'value', type: 'quantitative', axis: { title: null } },
          color: { field: 'part', type: 'nominal', legend: { title: null, orient: 'top' } },
        },
      },
    },
  };
}

/** Reliability diagram: the share right against what the posterior says. */
export function reliabilityFigure(parts: Readonly<Record<string, Calibration>>): Figure {
  const rows = Object.entries(parts).flatMap(([part, { bins }]) =>
    bins.filter(({ cells }) => cells > 0).map((bin) => ({ part, ...bin })),
  );
  return {
    name: 'reliability',
    title: 'Reliability',
    description:
      'Share of cells called right against the mean of their largest posterior; on the diagonal the two agree.',
    rows,
    spec: {
      width: 300,
      height: 300,
      layer: [
        {
          data: { values: [{ v: 0 }, { v: 1 }] },
          mark: { type: 'line', strokeDash: [4, 4], color: 'currentColor', opacity: 0.5 },
          encoding: { x: { field: 'v', type: 'quantitative' }, y: { field: 'v', type: 'quantitative' } },
        },
        {
          mark: { type: 'line', point: true },
          encoding: {
            x: {
              field: 'confidence',
              type: 'quantitative',
              scale: { domain: [0, 1] },
              axis: { title: 'largest posterior', ...percent },
            },
            y: {
              field: 'accuracy',
              type: 'quantitative',
              scale: { domain: [0, 1] },
              axis: { title: 'called right', ...percent },
            },
            color: { field: 'part', type: 'nominal', legend: { title: null } },
          },
        },
      ],
    },
  };
}

/** Distribution of the units' information about the class, layer by layer. */
export function informationFigure(units: readonly { layer: string; information: number; permuted: number }[]): Figure {
  const layers = [...new Set(units.map(({ layer }) => layer))];
  const rows = units.flatMap(({ layer, information, permuted }) => [
    { layer, labels: 'true', bits: information },
    { layer, labels: 'permuted', bits: permuted },
  ]);
  return {
    name: 'information',
    title: 'Mutual information',
    description: 'Mutual information between the class and each unit, layer by layer, with permuted labels beside it.',
    rows,
    spec: {
      width: 460,
      height: 260,
      mark: { type: 'boxplot', extent: 'min-max', size: 12 },
      encoding: {
        x: { field: 'layer', type: 'nominal', sort: layers, axis: { title: null, labelAngle: -45 } },
        xOffset: { field: 'labels', type: 'nominal', sort: ['true', 'permuted'] },
        y: { field: 'bits', type: 'quantitative', axis: { title: 'bits' } },
        color: { field: 'labels', type: 'nominal', sort: ['true', 'permuted'], legend: { title: 'labels' } },
      },
    },
  };
}

/** A layer's embeddings, coloured by class. */
export function embeddingFigure(
  layer: string,
  points: readonly { class: string; tsne_x: number; tsne_y: number; umap_x: number | null; umap_y: number | null }[],
  classes: readonly string[],
): Figure {
  const rows = points.flatMap((point) => [
    { method: 't-SNE', class: point.class, x: point.tsne_x, y: point.tsne_y },
    ...(point.umap_x === null ? [] : [{ method: 'UMAP', class: point.class, x: point.umap_x, y: point.umap_y }]),
  ]);
  return {
    name: `embedding-${layer.replaceAll('_', '-')}`,
    title: `Cells by ${layer}`,
    description: `${points.length} cells embedded in the plane by their ${layer} outputs, coloured by compartment.`,
    rows,
    spec: {
      facet: { column: { field: 'method', type: 'nominal', sort: ['t-SNE', 'UMAP'], header: { title: null } } },
      resolve: { scale: { x: 'independent', y: 'independent' } },
      spec: {
        width: 300,
        height: 300,
        mark: { type: 'point', filled: true, size: 14, opacity: 0.8 },
        encoding: {
          x: { field: 'x', type: 'quantitative', axis: null },
          y: { field: 'y', type: 'quantitative', axis: null },
          color: { field: 'class', type: 'nominal', sort: [...classes], legend: { title: null } },
        },
      },
    },
  };
}

/** Accuracy on test against cells a class. */
export function learningCurveFigure(
  points: readonly {
    method: string;
    selection: string;
    size: number;
    mean: number;
    low: number;
    high: number;
  }[],
): Figure {
  const encoding = {
    x: { field: 'size', type: 'quantitative', scale: { type: 'log' }, axis: { title: 'cells a class', tickCount: 6 } },
    color: { field: 'method', type: 'nominal', legend: { title: null, labelLimit: 320 } },
  };
  const accuracy = {
    field: 'mean',
    type: 'quantitative',
    axis: { title: 'test cells right', ...percent },
    scale: { zero: false },
  };
  return {
    name: 'learning-curve',
    title: 'Transfer to new compartments',
    description:
      'Accuracy on test cells of new compartments against the number of training cells a class, one deviation.',
    rows: points.map((point) => ({ ...point })),
    spec: {
      width: 460,
      height: 300,
      encoding,
      layer: [
        {
          mark: 'line',
          encoding: {
            y: accuracy,
            strokeDash: { field: 'selection', type: 'nominal', legend: { title: 'settings' } },
          },
        },
        { mark: { type: 'point', filled: true }, encoding: { y: accuracy } },
        {
          mark: { type: 'rule', opacity: 0.5 },
          encoding: { y: { field: 'low', type: 'quantitative' }, y2: { field: 'high' } },
        },
      ],
    },
  };
}

/** Change of every protein's mixture against its p value. */
export function volcanoFigure(
  proteins: readonly { protein: string; change: number; p: number | null; moved: boolean; changedClass: string }[],
): Figure {
  const rows = proteins
    .filter((row): row is typeof row & { p: number } => row.p !== null)
    .map(({ protein, change, p, moved, changedClass }) => ({
      protein,
      changed_class: changedClass,
      change,
      p,
      minus_log10_p: -Math.log10(p),
      moved: moved ? 'moved' : 'not significant',
    }));
  return {
    name: 'volcano',
    title: 'Proteins that moved',
    description: 'Change of the share of the class that changed most against the significance of the whole change.',
    rows,
    spec: {
      width: 440,
      height: 300,
      layer: [
        {
          mark: { type: 'point', filled: true, opacity: 0.7 },
          encoding: {
            x: { field: 'change', type: 'quantitative', axis: { title: 'change of the share', format: '+.0%' } },
            y: { field: 'minus_log10_p', type: 'quantitative', axis: { title: '-log10 p' } },
            color: {
              field: 'moved',
              type: 'nominal',
              scale: { domain: ['moved', 'not significant'], range: ['#ee6677', '#888888'] },
              legend: { title: null },
            },
          },
        },
        {
          transform: [
            { filter: "datum.moved === 'moved'" },
            { window: [{ op: 'rank', as: 'rank' }], sort: [{ field: 'minus_log10_p', order: 'descending' }] },
            { filter: 'datum.rank <= 12' },
          ],
          mark: { type: 'text', dy: -8, fontSize: 9, color: 'currentColor' },
          encoding: {
            x: { field: 'change', type: 'quantitative' },
            y: { field: 'minus_log10_p', type: 'quantitative' },
            text: { field: 'protein' },
          },
        },
      ],
    },
  };
}

/** Two models' recall (or precision) per class, side by side. */
export function comparisonFigure(
  models: readonly {
    name: string;
    classes: readonly { name: string; recall: number | null; precision: number | null }[];
  }[],
): Figure {
  const rows = models.flatMap((model) =>
    model.classes.flatMap(({ name, recall, precision }) => [
      { model: model.name, class: name, measure: 'recall', value: recall },
      { model: model.name, class: name, measure: 'precision', value: precision },
    ]),
  );
  return {
    name: 'comparison',
    title: 'Two models on the same cells',
    description: `Recall and precision of every class for ${models.map(({ name }) => name).join(' and ')}.`,
    rows,
    spec: {
      facet: { column: { field: 'measure', type: 'nominal', sort: ['recall', 'precision'], header: { title: null } } },
      spec: {
        width: 260,
        height: { step: 10 },
        mark: 'bar',
        encoding: {
          y: {
            field: 'class',
            type: 'nominal',
            sort: models[0]?.classes.map(({ name }) => name),
            axis: { title: null },
          },
          yOffset: { field: 'model', type: 'nominal' },
          x: { field: 'value', type: 'quantitative', scale: { domain: [0, 1] }, axis: { title: null, ...percent } },
          color: { field: 'model', type: 'nominal', legend: { title: null, orient: 'top' } },
        },
      },
    },
  };
}
