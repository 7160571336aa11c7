import { DeepYeastError } from '../errors';
import { type ByteSink, type TableFormat, tableFormatOf } from '../files/table-writer';
import type { CommandContext } from './options';

/**
 * Where a command's table goes and in which format: --out, or standard output, as JSON lines with --json.
 * @throws invalid-argument for Parquet on standard output, or a format against --json there
 */
export function tableTarget(
  context: CommandContext,
  options: { out?: string; format?: string },
): { target: string | ByteSink; format: TableFormat } {
  const { out, format: asked } = options;
  if (out !== undefined) return { target: out, format: tableFormatOf(out, asked) };
  const format = tableFormatOf(undefined, asked ?? (context.json ? 'jsonl' : 'csv'));
  if (format === 'parquet' || (context.json && format !== 'jsonl')) {
    throw new DeepYeastError(
      'invalid-argument',
      `found --format ${format} for standard output, expected ${context.json ? 'jsonl with --json' : 'csv or jsonl'}; ` +
        'name a file with --out',
    );
  }
  return { target: { write: (chunk) => context.printData(String(chunk)) }, format };
}
