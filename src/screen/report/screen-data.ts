/** What the report's page needs at once: plates, wells, proteins, and where their cells are. */

import { parseWell } from '../../data/well';
import type { ProteinRow, ProteinTable } from '../../proteins/dirichlet';
import type { cellSheet, FieldRow, PlateEdge, reportPictures, WellRow } from '../results';
import { shown, thousandths } from './part-data';

/** What is known of a screen before its parts are. */
export interface ReportHead {
  title: string;
  classes: readonly string[];
  channels: readonly string[];
  /** Pixels of a crop's side. */
  size: number;
  /** In the order in which they are shown; others that occur come after them. */
  plates: readonly string[];
  /** Of deepyeast. */
  version: string;
  /** Whether the shards have written pictures; default yes. */
  pictures?: boolean | undefined;
}

/** What is known when all parts are in. */
export interface ReportTables {
  proteins: ProteinTable;
  wells: readonly WellRow[];
  /** Every field, in the order of the parts. */
  fields: readonly FieldRow[];
  /** Edges of plates against their inner wells. */
  edges?: readonly PlateEdge[];
  /** Fields that were left out before their images were opened. */
  problems: readonly { path: string; reason: string }[];
}

export interface PartSummary {
  name: string;
  plate: string;
  well: string;
  cells: number;
  proteins: string[];
}

/** The smallest usual plate that holds all wells. */
interface PlateData {
  name: string;
  rows: number;
  columns: number;
}

interface WellData extends Omit<WellRow, 'mixture' | 'predicted' | 'plate' | 'part'> {
  plate: number;
  part: number;
  /** From 1; 0 where the name is no place on a plate. */
  row: number;
  column: number;
  /** Place of the class; -1 without cells that count. */
  called: number;
  /** In thousandths. */
  mixture: number[];
}

/** Shares and ends of intervals in thousandths, one a class. */
interface ProteinData {
  name: string;
  label: string;
  cells: number;
  fields: number | null;
  called: number;
  tied: boolean;
  correct: boolean | null;
  mixture: number[];
  mean: number[];
  low: number[];
  high: number[];
  bootstrap: { low: (number | null)[]; high: (number | null)[]; unit: string } | null;
  /** Parts that hold its cells, and those of them that are wells. */
  parts: number[];
  wells: number;
  flagged: number;
}

export interface ScreenData {
  title: string;
  version: string;
  classes: readonly string[];
  channels: readonly string[];
  size: number;
  sheet: typeof cellSheet;
  pictures: typeof reportPictures | null;
  plates: PlateData[];
  parts: { name: string; plate: number; well: string; cells: number }[];
  wells: WellData[];
  proteins: ProteinData[];
  edges: PlateEdge[];
  /** Fields with flags, by part and position in it. */
  flaggedFields: { part: number; index: number; flags: string[] }[];
  skipped: { plate: string; well: string; field: string; source: string; reason: string }[];
}

/** Rows and columns of the plates that are made: 96, 384 and 1,536 wells. */
const plateShapes = [
  { rows: 8, columns: 12 },
  { rows: 16, columns: 24 },
  { rows: 32, columns: 48 },
] as const;

export function screenData(
  head: ReportHead,
  parts: readonly PartSummary[],
  { proteins, wells, fields, edges = [], problems }: ReportTables,
): Omit<ScreenData, 'sheet' | 'pictures'> {
  const plates = new Map([...head.plates, ...parts.map(({ plate }) => plate)].map((name) => [name, 0]));
  for (const [index, name] of [...plates.keys()].entries()) plates.set(name, index);
  const partOf = new Map(parts.map(({ name }, index) => [name, index]));
  const wellRows = wells.map((well) => describeWell(well, head.classes, plates, partOf));
  const positions = new Map<string, number>();
  return {
    title: head.title,
    version: head.version,
    classes: head.classes,
    channels: head.channels,
    size: head.size,
    plates: [...plates].map(([name, index]) => ({ name, ...shapeOf(wellRows.filter(({ plate }) => plate === index)) })),
    parts: parts.map(({ name, plate, well, cells }) => ({ name, plate: plates.get(plate) as number, well, cells })),
    wells: wellRows,
    proteins: describeProteins(proteins.proteins, head.classes, parts, wells),
    edges: edges.map((row) => ({ ...row, edge: shown(row.edge) ?? 0, inner: shown(row.inner) ?? 0, p: shown(row.p) })),
    flaggedFields: fields.flatMap(({ part, flags }) => {
      const index = positions.get(part) ?? 0;
      positions.set(part, index + 1);
      return flags.length > 0 ? [{ part: partOf.get(part) as number, index, flags }] : [];
    }),
    skipped: [
      ...problems.map(({ path, reason }) => ({ plate: '', well: '', field: '', source: path, reason })),
      ...fields.flatMap(({ plate, well, field, source, problem }) =>
        problem === undefined ? [] : [{ plate, well, field, source, reason: problem }],
      ),
    ],
  };
}

function shapeOf(wells: readonly { row: number; column: number }[]): { rows: number; columns: number } {
  const fits = ({ rows, columns }: { rows: number; columns: number }) =>
    wells.every(({ row, column }) => row <= rows && column <= columns);
  const { rows, columns } = plateShapes.find(fits) ?? plateShapes[2];
  return { rows, columns };
}

function describeWell(
  { mixture, predicted, plate, part, ...rest }: WellRow,
  classes: readonly string[],
  plates: ReadonlyMap<string, number>,
  partOf: ReadonlyMap<string, number>,
): WellData {
  const { row, column } = parseWell(rest.well) ?? { row: 0, column: 0 };
  return {
    ...rest,
    plate: plates.get(plate) as number,
    part: partOf.get(part) as number,
    row,
    column,
    called: rest.used > 0 ? classes.indexOf(predicted) : -1,
    mixture: mixture.map(thousandths),
    focus: shown(rest.focus),
    background: shown(rest.background),
    covered: shown(rest.covered),
    saturated: shown(rest.saturated),
    dead: shown(rest.dead),
    disagreement: shown(rest.disagreement),
  };
}

function describeProteins(
  rows: readonly ProteinRow[],
  classes: readonly string[],
  parts: readonly PartSummary[],
  wells: readonly WellRow[],
): ProteinData[] {
  const partsOf = new Map<string, number[]>();
  for (const [index, { proteins }] of parts.entries()) {
    for (const protein of proteins) {
      const list = partsOf.get(protein);
      if (list) list.push(index);
      else partsOf.set(protein, [index]);
    }
  }
  const counts = new Map<string, { wells: number; flagged: number }>();
  for (const { protein, flags } of wells) {
    const count = counts.get(protein) ?? { wells: 0, flagged: 0 };
    count.wells++;
    if (flags.length > 0) count.flagged++;
    counts.set(protein, count);
  }
  const ends = (values: readonly (number | null)[]) =>
    values.map((value) => (value === null ? null : thousandths(value)));
  return rows.map((row) => ({
    name: row.protein,
    label: row.label ?? '',
    cells: row.cells,
    fields: row.fields,
    called: classes.indexOf(row.predicted),
    tied: row.tied,
    correct: row.correct,
    mixture: row.mode.map(thousandths),
    mean: row.mean.map(thousandths),
    low: row.low.map(thousandths),
    high: row.high.map(thousandths),
    bootstrap: row.bootstrap && {
      low: ends(row.bootstrap.low),
      high: ends(row.bootstrap.high),
      unit: row.bootstrap.unit,
    },
    parts: partsOf.get(row.protein) ?? [],
    ...(counts.get(row.protein) ?? { wells: 0, flagged: 0 }),
  }));
}
