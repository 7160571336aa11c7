/** The columns and rows of a table that is written, whatever its format. */

export type ColumnType = 'string' | 'float' | 'double' | 'integer' | 'boolean';

export interface TableColumn {
  readonly name: string;
  /** `float` is float32: written in Parquet as such, in text with just the digits that read back the same. */
  readonly type: ColumnType;
  /** Whether null may appear: an empty field in CSV. Default no. */
  readonly nullable?: boolean;
}

export type TableValue = string | number | boolean | null;
export type TableRow = readonly TableValue[];

/** Where bytes go, in order. */
export interface ByteSink {
  write(chunk: string | Uint8Array): Promise<void>;
}
