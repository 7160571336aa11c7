/** From the parts of a screen to its tables and its report. */

import { basename, join } from 'node:path';
import { throwIfAborted } from '../abort';
import { DeepYeastError } from '../errors';
import { type Log, silent } from '../log';
import { argmax } from '../prediction/call';
import { fieldKey } from '../prediction/predictions-table';
import { dirichletTable, type ProteinTable } from '../proteins/dirichlet';
import { SoftCounts } from '../proteins/soft-counts';
import { median } from '../ratios';
import { type Exclusion, exclusionsOf } from './counted-cells';
import { partFiles, readPart } from './part-files';
import { type PlannedScreen, readPlannedScreen } from './plan';
import { plateEdges } from './plate-edges';
import { ScreenReportWriter } from './report';
import { type FieldRow, type PlateEdge, type ScreenPart, screenFiles, type WellRow } from './results';
import { isShardDone } from './shard';
import { type ProteinWells, ScreenPredictions, writeFields, writePlates, writeProteins, writeWells } from './tables';
import { fieldFlagsOf, flagWells, plateFocus } from './well-flags';

export interface MergeOptions {
  signal?: AbortSignal | undefined;
  log?: Log | undefined;
  /** Parts done of all parts. */
  onProgress?: ((done: number, total: number) => void) | undefined;
}

export interface ScreenResult {
  folder: string;
  proteins: ProteinTable;
  wells: WellRow[];
  fields: FieldRow[];
  plates: PlateEdge[];
  /** Cells with a crop, and those that count for a protein. */
  cells: number;
  used: number;
  /** Fields that could not be used: those known before the images were opened as well. */
  skipped: { path: string; reason: string }[];
}

/**
 * Puts the parts of a screen together: predictions.parquet, proteins.csv, wells.csv, fields.csv, plates.csv and report/.
 * Parts are read one at a time, in the order of the plan, so that the results are the same however many shards made them,
 * and memory grows with the wells and fields alone.
 *
 * @throws screen-incomplete with the shards that are not complete; run-invalid for a damaged part; labels-invalid for a
 *   protein with two classes; io-error; disk-full; aborted
 */
export async function mergeScreen(results: string, options: MergeOptions = {}): Promise<ScreenResult> {
  const planned = await readPlannedScreen(results);
  await requireComplete(planned);
  const { log = silent, signal, onProgress } = options;
  const { folder, screen, plan } = planned;
  const { classes } = screen.model;
  const sums = new SoftCounts(classes);
  const wells: WellRow[] = [];
  const fields: FieldRow[] = [];
  const predictions = await ScreenPredictions.create(folder, {
    classes,
    withQuality: screen.quality !== undefined,
    metadata: { 'deepyeast.model': screen.model.sha256, 'deepyeast.version': screen.deepyeast },
  });
  let used = 0;
  let report: ScreenReportWriter | undefined;
  try {
    report = await ScreenReportWriter.create(join(folder, screenFiles.report), {
      title: `Screen of ${screen.cells.sources.map((source) => basename(source)).join(', ')}`,
      classes,
      channels: screen.cells.channels.map(([role]) => role),
      size: screen.cells.size as number,
      plates: [],
      version: screen.deepyeast,
      pictures: screen.pictures,
    });
    for (const [index, entry] of plan.parts.entries()) {
      throwIfAborted(signal);
      const { name } = entry;
      const part = await readPart(planned, entry);
      if (!part) {
        const { done } = partFiles(folder, name);
        throw new DeepYeastError(
          'run-invalid',
          `${done} is missing: run its shard again (\`deepyeast screen ${results} --resume\`)`,
        );
      }
      const exclusions = exclusionsOf(part.cells, screen);
      await predictions.addPart(part, exclusions);
      await report.addPart(part, exclusions);
      const counted = addCells(sums, part, exclusions);
      used += counted.reduce((sum, value) => sum + value, 0);
      for (const [i, field] of part.fields.entries())
        fields.push({ ...field, part: name, used: counted[i] as number, flags: [] });
      if (part.well !== '') wells.push(wellRow(part, exclusions, counted, classes));
      onProgress?.(index + 1, plan.parts.length);
    }
    await predictions.commit();
  } catch (error) {
    await predictions.abort();
    await report?.abort();
    throw error;
  }
  const focus = plateFocus(fields);
  for (const field of fields) field.flags = fieldFlagsOf(field, focus.get(field.plate) ?? 0);
  flagWells(wells, fields);
  const plates = plateEdges(wells);
  const proteins = dirichletTable(sums);
  await writeProteins(folder, proteins, proteinWells(wells));
  await writeWells(folder, wells, classes);
  await writeFields(folder, fields);
  await writePlates(folder, plates);
  await report.finish({ proteins, wells, fields, edges: plates, problems: plan.problems });
  const late = fields.flatMap(({ source, problem }) =>
    problem === undefined ? [] : [{ path: source, reason: problem }],
  );
  const skipped = [...plan.problems.map(({ path, reason }) => ({ path, reason })), ...late];
  if (skipped.length > 0)
    log('warn', `${skipped.length} fields could not be used, see ${join(folder, screenFiles.fields)}`);
  return { folder, proteins, wells, fields, plates, cells: predictions.count, used, skipped };
}

/** @throws screen-incomplete */
async function requireComplete(planned: PlannedScreen): Promise<void> {
  const { folder, plan } = planned;
  const missing: number[] = [];
  for (const shard of plan.shards.keys()) if (!(await isShardDone(planned, shard))) missing.push(shard);
  if (missing.length === 0) return;
  const shown = missing.slice(0, 20).join(', ') + (missing.length > 20 ? ', ...' : '');
  throw new DeepYeastError(
    'screen-incomplete',
    `${missing.length} of ${plan.shards.length} shards of ${folder} are not complete: ${shown}`,
  );
}

/** Adds the cells that count to their proteins; returns how many those of each field are. */
function addCells(sums: SoftCounts, { fields, posteriors }: ScreenPart, exclusions: readonly Exclusion[]): number[] {
  const k = sums.classes.length;
  let cell = 0;
  return fields.map(({ protein, class: named, plate, well, field, kept = 0 }) => {
    const key = fieldKey({ protein, plate, well, field });
    // A compartment that the model does not know is no label.
    const label = named !== null && sums.classes.includes(named) ? named : null;
    let counted = 0;
    for (const end = cell + kept; cell < end; cell++) {
      if (exclusions[cell] !== '') continue;
      sums.addCell({
        protein,
        field: key,
        label,
        posterior: posteriors,
        start: cell * k,
      });
      counted++;
    }
    return counted;
  });
}

function wellRow(
  { name, plate, well, fields, cells, posteriors }: ScreenPart,
  exclusions: readonly Exclusion[],
  counted: readonly number[],
  classes: readonly string[],
): WellRow {
  const used = counted.reduce((sum, value) => sum + value, 0);
  const mixture = new Array<number>(classes.length).fill(0);
  for (const [cell, exclusion] of exclusions.entries()) {
    if (exclusion !== '') continue;
    for (let c = 0; c < classes.length; c++) {
      mixture[c] = (mixture[c] as number) + (posteriors[cell * classes.length + c] as number) / used;
    }
  }
  const good = fields.filter(({ problem }) => problem === undefined);
  const nonCells = exclusions.filter((exclusion) => exclusion === 'non-cell').length;
  const all = cells.cell.length;
  const middle = (values: (number | undefined)[]) => median(values.map((value) => value ?? null)).value;
  const inFocus = good.filter((field) => (field.cells ?? 0) > 0);
  return {
    plate,
    well,
    part: name,
    protein: fields[0]?.protein ?? '',
    class: fields[0]?.class ?? '',
    fields: fields.length,
    skipped: fields.length - good.length,
    cells: all,
    used,
    flagged: all - used - nonCells,
    nonCells,
    predicted: used > 0 ? (classes[argmax(mixture)] as string) : '',
    mixture,
    focus: middle(inFocus.map((field) => field.focus)),
    background: middle(good.map((field) => field.background)),
    covered: middle(good.map((field) => field.covered)),
    saturated: middle(good.map((field) => field.saturated)),
    dead: all === 0 ? null : cells.flags.filter((flags) => flags.split(';').includes('dead')).length / all,
    disagreement: null,
    flags: [],
  };
}

function proteinWells(wells: readonly WellRow[]): (protein: string) => ProteinWells {
  const byProtein = new Map<string, ProteinWells>();
  for (const { protein, cells, used, flags } of wells) {
    const entry = byProtein.get(protein) ?? { wells: 0, excluded: 0, flags: [] };
    entry.wells++;
    entry.excluded += cells - used;
    for (const flag of flags) if (!entry.flags.includes(flag)) entry.flags.push(flag);
    byProtein.set(protein, entry);
  }
  return (protein) => byProtein.get(protein) ?? { wells: 0, excluded: 0, flags: [] };
}
