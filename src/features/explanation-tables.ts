/** The tables of an explanation: units.csv, classic.csv, embeddings.csv, neighbours.csv and patches.csv. */
import { join } from 'node:path';
import type { Cell } from '../data/dataset';
import { writeRecords } from '../files/record-table';
import type { LayerFindings, Study } from './layer-study';
import type { UnitInformation } from './mutual-information';
import { nearestPoints } from './neighbours';

/** Neighbours that neighbours.csv lists for a cell. */
const listedNeighbours = 5;

/** How tables name the cells of a dataset, by their positions. */
interface CellNames {
  cell(position: number): string;
  class(position: number): string;
}

/** Writes the tables about layers into the folder `out`. @throws disk-full, io-error, dataset-invalid */
export async function writeFindings(study: Study, findings: readonly LayerFindings[], out: string): Promise<void> {
  const { network, dataset } = study;
  const table = await dataset.table();
  const names: CellNames = {
    cell: (position) => (table[position] as Cell).cell,
    class: (position) => dataset.classes[dataset.labels[position] as number] as string,
  };
  await writeRecords(join(out, 'units.csv'), findings.flatMap(unitRecords));
  await writeRecords(
    join(out, 'embeddings.csv'),
    findings.flatMap((found) => embeddingRecords(study, found, names)),
  );
  const hidden = findings.filter(({ layer }) => layer !== network.layerNames.at(-1)).at(-1) ?? findings.at(-1);
  if (hidden) await writeRecords(join(out, 'neighbours.csv'), neighbourRecords(study, hidden, names));
  await writeRecords(
    join(out, 'patches.csv'),
    findings.flatMap((found) => patchRecords(found, names)),
  );
}

/** Writes what the classic features say of the class into the folder `out`. @throws disk-full, io-error */
export async function writeClassicInformation(information: readonly UnitInformation[], out: string): Promise<void> {
  await writeRecords(
    join(out, 'classic.csv'),
    information.map(({ unit, ...rest }) => ({ feature: unit, ...informationRecord(rest) })),
  );
}

function informationRecord(found: Omit<UnitInformation, 'unit'>) {
  return {
    constant: found.constant,
    information: found.information,
    permuted: found.permuted,
    one_against_rest: found.oneAgainstRest,
    best_class: found.bestClass,
    permuted_one_against_rest: found.permutedOneAgainstRest,
  };
}

function unitRecords({ layer, units, information, correlations, gabor }: LayerFindings) {
  return information.map((found, i) => {
    const match = correlations?.[i];
    // The filters are compared with a unit's whole map: once, beside its maximum.
    const filter = i < units ? gabor?.[i] : undefined;
    return {
      layer,
      unit: i % units,
      summary: information.length === units ? 'value' : i < units ? 'maximum' : 'mean',
      ...informationRecord(found),
      classic_feature: match?.feature ?? null,
      classic_correlation: match?.correlation ?? null,
      classic_permuted: match?.permuted ?? null,
      gabor_channel: filter?.channel ?? null,
      gabor_wavelength: filter?.wavelength ?? null,
      gabor_angle: filter?.angleDegrees ?? null,
      gabor_correlation: filter?.correlation ?? null,
      gabor_permuted: filter?.permuted ?? null,
    };
  });
}

function embeddingRecords(study: Study, { layer, embedding }: LayerFindings, names: CellNames) {
  const { network, cells, labels, embedded } = study;
  return Array.from(embedded, (at, i) => ({
    layer,
    cell: names.cell(cells[at] as number),
    position: cells[at] as number,
    class: network.classes[labels[at] as number] as string,
    tsne_x: embedding.tsne[2 * i] as number,
    tsne_y: embedding.tsne[2 * i + 1] as number,
    umap_x: embedding.umap?.[2 * i] ?? null,
    umap_y: embedding.umap?.[2 * i + 1] ?? null,
  }));
}

/** The nearest images of every embedded cell (Figure 3c), in the picture and among the features. */
function neighbourRecords(study: Study, { layer, embedding, features }: LayerFindings, names: CellNames) {
  const cells = Array.from(study.embedded, (at) => study.cells[at] as number);
  const count = Math.min(listedNeighbours, cells.length - 1);
  const spaces = {
    tsne: { count: cells.length, dimensions: 2, values: embedding.tsne },
    features: { count: cells.length, dimensions: features.columns, values: features.values },
  };
  return Object.entries(spaces).flatMap(([space, points]) =>
    cells.flatMap((cell, i) =>
      nearestPoints(points, i, count).map((other, rank) => ({
        layer,
        space,
        cell: names.cell(cell),
        class: names.class(cell),
        rank: rank + 1,
        neighbour: names.cell(cells[other] as number),
        neighbour_class: names.class(cells[other] as number),
      })),
    ),
  );
}

function patchRecords({ layer, patches }: LayerFindings, names: CellNames) {
  return patches.map(({ unit, rank, cell, value, patch }) => ({
    layer,
    unit,
    rank,
    cell: names.cell(cell),
    class: names.class(cell),
    value,
    ...patch,
  }));
}
