/** Galleries of right and wrong cells: who is shown, their pictures and their nearest neighbours. */

import type { Cell, Dataset } from '../data/dataset';
import { blankPicture, drawCrop, encodeWebp } from '../data/picture';
import { featuresOfCells } from '../features/layer-features';
import { nearestPoints } from '../features/neighbours';
import { stratifiedSample } from '../features/sample';
import { roundedTo } from '../files/number';
import type { BatchOptions, Network, Predictions } from '../network/network';
import { argmax } from '../prediction/call';
import { type CellDetail, galleryHtml } from './page';

export interface GalleryOptions extends BatchOptions {
  /** Cells of each kind and class; default 6. */
  perClass?: number;
  /** Cells among which neighbours are searched, class-stratified; default 1,000. */
  pool?: number;
  seed?: number;
}

export interface Galleries {
  html: string;
  images: Record<string, string>;
  details: Record<string, CellDetail>;
}

const neighbourCount = 5;

/**
 * For every class its surest right calls and its surest wrong ones; a click shows the posterior and the nearest cells by
 * the last hidden layer.
 * @param labels of the dataset's cells among the network's classes, -1: none
 */
export async function buildGalleries(
  network: Network,
  dataset: Dataset,
  predictions: Predictions,
  labels: Int32Array,
  options: GalleryOptions = {},
): Promise<Galleries> {
  const { perClass = 6, pool = 1000, seed = 0 } = options;
  const { classes } = network;
  const k = classes.length;
  const called = Int32Array.from(labels, (_, cell) => argmax(predictions.posteriors, cell * k, k));
  const sure = (cell: number) => predictions.posteriors[cell * k + (called[cell] as number)] as number;
  const chosen = classes.map((_, label) => {
    const own = [...labels.keys()].filter((cell) => labels[cell] === label).sort((a, b) => sure(b) - sure(a) || a - b);
    return {
      right: own.filter((cell) => called[cell] === label).slice(0, perClass),
      wrong: own.filter((cell) => called[cell] !== label).slice(0, perClass),
    };
  });
  const shown = chosen.flatMap(({ right, wrong }) => [...right, ...wrong]);
  const others = stratifiedSample(labels, pool, seed);
  const cells = Uint32Array.from(new Set([...shown, ...others])).sort();
  const position = new Map(Array.from(cells, (cell, i) => [cell, i]));
  const layer = network.layerNames.at(-2) ?? (network.layerNames[0] as string);
  // The report says beside the scores that a rule was overridden; here the images only have to be read.
  const features = await featuresOfCells(network, dataset, cells, { ...options, layer, allowRuleMismatch: true });
  const points = { count: cells.length, dimensions: features.columns, values: features.values };
  const table = await dataset.table();
  const images: Record<string, string> = {};
  const details: Record<string, CellDetail> = {};
  const nameOf = (cell: number) =>
    (labels[cell] as number) >= 0 ? (classes[labels[cell] as number] as string) : 'no label';
  const needed = new Set<number>(shown);
  for (const cell of shown) {
    const near = nearestPoints(points, position.get(cell) as number, Math.min(neighbourCount, cells.length - 1)).map(
      (at) => cells[at] as number,
    );
    for (const other of near) needed.add(other);
    const row = table[cell] as Cell;
    details[String(cell)] = {
      cell: row.cell,
      protein: row.protein,
      label: nameOf(cell),
      predicted: classes[called[cell] as number] as string,
      posterior: Object.fromEntries(
        classes.map((name, c) => [name, roundedTo(predictions.posteriors[cell * k + c] as number, 4)]),
      ),
      neighbours: near.map((other) => ({ image: String(other), label: nameOf(other) })),
    };
  }
  await addImages(dataset, Uint32Array.from(needed).sort(), images);
  const html = classes
    .map((name, label) => {
      const { right, wrong } = chosen[label] as (typeof chosen)[number];
      if (right.length + wrong.length === 0) return '';
      const item = (cell: number, isRight: boolean) => ({
        image: String(cell),
        caption: `${classes[called[cell] as number]} ${(100 * sure(cell)).toFixed(0)}%`,
        right: isRight,
        detail: String(cell),
      });
      return galleryHtml(name, [...right.map((cell) => item(cell, true)), ...wrong.map((cell) => item(cell, false))]);
    })
    .join('\n');
  return { html, images, details };
}

async function addImages(dataset: Dataset, cells: Uint32Array, images: Record<string, string>): Promise<void> {
  const { size } = dataset;
  const channels = dataset.channels.length;
  const bytes = size * size * channels;
  const crops = await dataset.readImages(cells);
  for (const [i, cell] of cells.entries()) {
    const picture = blankPicture(size, size);
    drawCrop(picture, { left: 0, top: 0, side: size }, crops.subarray(i * bytes, (i + 1) * bytes), size, channels);
    images[String(cell)] = `data:image/webp;base64,${(await encodeWebp(picture)).toString('base64')}`;
  }
}
