import type { ErrorCode } from '../../src/errors';

/**
 * One row of the table of bad input: how a good workspace is spoiled, and what then has to be answered, by the public
 * API and by the command line. A workspace holds `data` (a dataset of three classes), `model.safetensors` (a network
 * for it) and whatever the row adds.
 */
export interface BadInputRow {
  name: string;
  /** Makes a bad workspace of a good one. */
  spoil: (workspace: string) => void | Promise<void>;
  /** Meets the bad input through the public API. */
  api: (workspace: string) => Promise<unknown>;
  /** Meets it through the command line; the arguments. */
  command: (workspace: string) => string[];
  code: ErrorCode;
  /** What the message must tell: what was found, and what was expected or to be done. */
  says: RegExp;
}
