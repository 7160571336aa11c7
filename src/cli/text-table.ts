/** Text for people: aligned columns, two spaces apart, without trailing spaces; shares as percentages. */

/** Rows with every column to the left. */
export function alignedRows(rows: readonly (readonly string[])[]): string {
  return align(rows, (text, width) => text.padEnd(width));
}

/** A table: the first column to the left, the others to the right. */
export function formatTable(header: readonly string[], rows: readonly (readonly string[])[]): string {
  return `${align([header, ...rows], (text, width, column) => (column === 0 ? text.padEnd(width) : text.padStart(width)))}\n`;
}

function align(
  rows: readonly (readonly string[])[],
  pad: (text: string, width: number, column: number) => string,
): string {
  const columns = Math.max(0, ...rows.map((row) => row.length));
  const widths = Array.from({ length: columns }, (_, c) => Math.max(...rows.map((row) => row[c]?.length ?? 0)));
  return rows
    .map((row) =>
      widths
        .map((width, c) => pad(row[c] ?? '', width, c))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

/** A share as a percentage; '-' where it is undefined. */
export function share(value: number | null | undefined): string {
  return value === null || value === undefined ? '-' : `${(100 * value).toFixed(1)}%`;
}
