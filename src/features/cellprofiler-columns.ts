/** The columns of CellProfiler's tables: which are measurements, which say where a row comes from. */

/** First words of measurements: what follows one of them belongs to it. */
const measurements =
  /^(?:AreaShape|Children|Correlation|Granularity|Intensity|Location|Math|Neighbors|Overlap|RadialDistribution|Texture)_/;

/**
 * Names of what is no measurement, with the name of the object (or Image) before it where several tables were put together:
 * Cells_Number_Object_Number, Cells_Parent_Nuclei, Image_Metadata_Plate.
 */
const bookkeeping =
  /^(?:\w+?_)??(?:ImageNumber|ObjectNumber|TableNumber|ImageId|Number_Object_Number|TrackObjects_Label|TrackObjects_Parent|(?:Metadata|FileName|PathName|URL|Parent|ExecutionTime|Group|MD5Digest|ModuleError|Frame|Series|Scaling|Height|Width)_)/;

/** Row numbers that pandas and R put into a table without asking. */
const rowNumbers = /^(?:Unnamed: \d+|index|)$/;

/** Whether a column is a measurement of the object. */
export function isMeasurement(column: string): boolean {
  if (rowNumbers.test(column)) return false;
  return measurements.test(column) || !bookkeeping.test(column);
}

/** Where the object's middle is in the image: its two columns. */
export interface CentreColumns {
  x: string;
  y: string;
}

/** The columns of the object's middle; of several objects in one table the cell's own, else the first. */
export function centreColumns(columns: readonly string[]): CentreColumns | undefined {
  const known = new Set(columns);
  const found: CentreColumns[] = [];
  for (const measure of ['Location_Center_', 'AreaShape_Center_']) {
    for (const column of columns) {
      const y = `${column.slice(0, -1)}Y`;
      const ends = column.endsWith(`${measure}X`) && (column === `${measure}X` || column.endsWith(`_${measure}X`));
      if (ends && known.has(y)) found.push({ x: column, y });
    }
  }
  return (
    found.find(({ x }) => /^(?:Location|AreaShape)_/.test(x)) ?? found.find(({ x }) => /^Cells?_/i.test(x)) ?? found[0]
  );
}

/** The columns that are alike in all rows of one image. */
export function imageColumns(columns: readonly string[]): string[] {
  return columns.filter((column) =>
    /^(?:Image_)?(?:ImageNumber$|TableNumber$|Metadata_|FileName_|PathName_)/.test(column),
  );
}

/** The column of a file's folder beside the one of its name. */
export function folderColumn(fileName: string): string {
  return fileName.replace('FileName_', 'PathName_');
}

/** Whether a column holds the names of files. */
export function isFileName(column: string): boolean {
  return /^(?:Image_)?FileName_/.test(column);
}

/** Metadata that says what a cell's own columns say too, by the column of cells.csv. */
export function placeColumns(columns: readonly string[]): { column: string; cellColumn: 'plate' | 'well' | 'field' }[] {
  const meanings = { plate: 'plate', well: 'well', field: 'field', site: 'field' } as const;
  return columns.flatMap((column) => {
    const name = /^(?:Image_)?Metadata_(\w+)$/.exec(column)?.[1]?.toLowerCase();
    const known = Object.entries(meanings).find(([meaning]) => meaning === name);
    return known ? [{ column, cellColumn: known[1] }] : [];
  });
}

/** Whether two texts name one plate, well or field: A1 is A01, 7 is 007. */
export function samePlace(a: string, b: string): boolean {
  const plain = (text: string) =>
    text
      .trim()
      .toUpperCase()
      .replace(/(^|[A-Z])0+(?=\d)/g, '$1');
  return plain(a) === plain(b);
}
