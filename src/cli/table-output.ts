import { Option } from 'commander';
import { DeepYeastError } from '../errors';
import { type ByteSink, type TableFormat, type TableWriterOptions, tableFormatOf } from '../files/table-writer';
import type { CommandContext } from './options';

/**
 * Where a command's table goes and in which format: --out, or standard output, as JSON lines with --json.
 * @throws invalid-argument for Parquet on standard output, or a format against --json there
 */
export function tableTarget(
  context: CommandContext,
  options: { out?: string; format?: string; csvSafe?: boolean },
): { target: string | ByteSink; format: TableFormat } & CsvSafeOptions {
  const { out, format: asked } = options;
  const safe = csvSafety(context, options);
  if (out !== undefined) return { target: out, format: tableFormatOf(out, asked), ...safe };
  const format = tableFormatOf(undefined, asked ?? (context.json ? 'jsonl' : 'csv'));
  if (format === 'parquet' || (context.json && format !== 'jsonl')) {
    throw new DeepYeastError(
      'invalid-argument',
      `found --format ${format} for standard output, expected ${context.json ? 'jsonl with --json' : 'csv or jsonl'}; ` +
        'name a file with --out',
    );
  }
  return { target: { write: (chunk) => context.printData(String(chunk)) }, format, ...safe };
}

/** --csv-safe */
export function csvSafeOption(): Option {
  return new Option(
    '--csv-safe',
    'write an apostrophe before text that begins with = + - or @, which spreadsheets take for formulas',
  );
}

type CsvSafeOptions = Pick<TableWriterOptions, 'csvSafe' | 'onCsvSafe'>;

/** What --csv-safe asks of a table, and the warning that names were changed. */
export function csvSafety(context: CommandContext, { csvSafe = false }: { csvSafe?: boolean }): CsvSafeOptions {
  return {
    csvSafe,
    onCsvSafe: (fields) =>
      context.log(
        'warn',
        `${fields} fields begin with = + - or @ and have an apostrophe before them now: these names are no longer those of ` +
          'the dataset',
      ),
  };
}
