/** The report of a run: one page with every result there is, and its figures as files. */
import { mkdir } from 'node:fs/promises';
import { basename, dirname, extname, join } from 'node:path';
import type { Dataset } from '../data/dataset';
import { calibration } from '../evaluation/calibration';
import { type EvaluationOptions, evaluate, type Report } from '../evaluation/report';
import { writeFileAtomically } from '../files/atomic-file';
import { writeBeside } from '../files/write-together';
import type { BatchOptions, Network } from '../network/network';
import { matchClasses } from '../prediction/class-match';
import { evaluationColumns, PredictionsWriter } from '../prediction/predictions-table';
import { type RuleOptions, requireModelRule } from '../prediction/rule-match';
import { proteins } from '../proteins';
import {
  calibrationDraft,
  changesDraft,
  comparisonDraft,
  explanationDraft,
  paperDraft,
  qualityDraft,
  transferDraft,
} from './analysis-sections';
import type { Draft } from './draft';
import { type DrawnFigure, drawFigure, writeFigures } from './figure';
import { buildGalleries } from './gallery';
import { figureHtml, type PageSection, pageHtml, paragraph } from './page';
import { classDraft, proteinDraft, provenanceDraft, summaryDraft, trainingDraft } from './sections';

export interface ReportOptions extends EvaluationOptions, RuleOptions, BatchOptions {
  /** The run's folder, for its curves and recipe. */
  run?: string;
  /** Folders (and a table) that the other analyses wrote; each becomes a section. */
  explained?: string;
  calibrated?: string;
  compared?: string;
  /** One detector, or several beside each other. */
  quality?: string | readonly string[];
  transfer?: string;
  changes?: string;
  /** A table "paper / here": JSON, rows of quantity, paper, here and, where there is something to say, note. */
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

const galleryIntroduction = paragraph(
  'For every compartment the surest right calls (green frame) and the surest wrong ones (red frame), with the call and its ' +
    'posterior. Choose a cell to see all its posteriors and the cells that the network finds most alike.',
);

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
    options.quality === undefined ? undefined : await qualityDraft([options.quality].flat()),
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
  const name = `${basename(out, extname(out))}-files`;
  const figures = await writeBeside(out, async (staging) => {
    const files = join(staging, name);
    await mkdir(files);
    const written = await writeFigures(files, drawn);
    await writeFileAtomically(join(files, 'metrics.json'), `${JSON.stringify({ ...record, ...metrics }, null, 2)}\n`);
    await writePredictions(join(files, 'predictions.csv'), dataset, predictions);
    await writeFileAtomically(join(staging, basename(out)), page);
    return written;
  });
  const folder = join(dirname(out), name);
  const paths = figures.map((file) => join(folder, file));
  return { page: out, bytes: Buffer.byteLength(page), folder, figures: paths, metrics };
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
