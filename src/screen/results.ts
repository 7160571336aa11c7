/** What lies in a screen's folder of results, and what is known of each of its parts. */

import type { FieldReport } from '../fields/field-results';

/** Files and folders of the results, by what they hold. */
export const screenFiles = {
  /** What was asked for, with which model and which version. */
  screen: 'screen.json',
  /** Which fields there are and which shard each belongs to. */
  plan: 'plan.json',
  /** One dataset a part: cells/PART. A part without cells has none. */
  cells: 'cells',
  /** What was found in each part: parts/PART.json, and the posteriors of its cells: parts/PART.npy. */
  parts: 'parts',
  /** One completion file a shard: shards/K.json. */
  shards: 'shards',
  predictions: 'predictions.parquet',
  proteins: 'proteins.csv',
  wells: 'wells.csv',
  fields: 'fields.csv',
  /** What differs between the wells at the edge of each plate and the others. */
  plates: 'plates.csv',
  report: 'report',
} as const;

/** Pictures that shards write for the report, below the folder of the report. */
export const reportPictures = {
  /** report/pictures/cells/PART-0.jpg, PART-1.jpg, ...: see cellSheet. */
  cells: 'pictures/cells',
  /** report/pictures/fields/PART-0.jpg, ...: the fields of the part with their outlines, by position in the part. */
  fields: 'pictures/fields',
} as const;

/** How the cells of a part lie in its sheets: row by row, in the order of its dataset, without gaps. */
export const cellSheet = { columns: 20, rows: 20 } as const;

/** A field of a part. */
export interface PartField extends FieldReport {
  protein: string;
  /** Its class by the plate map or the table of classes, null where it has none. */
  class: string | null;
}

/** The cells of a part, by column, in the order of its dataset: those of the first field come first. */
export interface PartCells {
  /** As in the dataset's cells.csv. */
  cell: string[];
  /** Centre in pixels of the field. */
  x: number[];
  y: number[];
  /** Flags of the segmentation, joined by `;`. */
  flags: string[];
  /** Probability that it is a good cell, where a detector of non-cells was given. */
  quality?: number[];
}

/** What was found in a part: a well, or a run of fields that have none. */
export interface ScreenPart {
  name: string;
  plate: string;
  well: string;
  /** In order; `kept` says how many of the cells are a field's, `problem` why it has none. */
  fields: PartField[];
  cells: PartCells;
  /** [cells, classes of the model] */
  posteriors: Float32Array;
}

/** Why a well deserves a look before its protein is believed: well-flags.ts has the rules. */
export const wellFlags = ['no-fields', 'few-cells', 'out-of-focus', 'saturated', 'dead', 'disagrees'] as const;
export type WellFlag = (typeof wellFlags)[number];

/** A row of wells.csv. */
export interface WellRow {
  plate: string;
  well: string;
  /** Part of the results that holds it. */
  part: string;
  protein: string;
  /** Its class by the plate map, '' where it has none. */
  class: string;
  fields: number;
  /** Fields that could not be used. */
  skipped: number;
  /** Cells with a crop. */
  cells: number;
  /** Cells that count for the protein. */
  used: number;
  /** Cells left out for a flag, and as non-cells. */
  flagged: number;
  nonCells: number;
  /** Class of the largest share; '' without cells that count. */
  predicted: string;
  /** Share of the cells that count by class, soft counts / cells, in the order of the model's classes. */
  mixture: number[];
  /** Medians over its fields; null where none could be used. */
  focus: number | null;
  background: number | null;
  covered: number | null;
  saturated: number | null;
  /** Of its cells with a crop, the share that is flagged as dead; null without cells. */
  dead: number | null;
  /** Lower median of the total variation distances of its mixture to those of the protein's other wells, 0 to 1; null without others. */
  disagreement: number | null;
  flags: WellFlag[];
}

/** What measures a plate's edge against its inner wells. */
export const edgeMeasures = ['used', 'focus', 'background', 'covered'] as const;

/** A row of plates.csv: medians of a measure over the outermost wells of a plate and over the others. */
export interface PlateEdge {
  plate: string;
  measure: (typeof edgeMeasures)[number];
  edgeWells: number;
  innerWells: number;
  edge: number;
  inner: number;
  /** Of the two-sided Mann-Whitney test; null where one of the two groups has fewer than 5 wells. */
  p: number | null;
  /** Whether p is below 0.001 and the medians differ by more than a tenth. */
  effect: boolean;
}

/** Which fields and wells are left out of focus, saturated and so on: a field's own flags. */
export const fieldFlags = ['out-of-focus', 'saturated', 'no-cells'] as const;
export type FieldFlag = (typeof fieldFlags)[number];

/** A row of fields.csv. */
export interface FieldRow extends PartField {
  part: string;
  /** Cells that count for the protein. */
  used: number;
  flags: FieldFlag[];
}
