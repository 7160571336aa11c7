import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** The version in this package's package.json: this file is src/package-version.ts or dist/package-version.js. */
export function packageVersion(): string {
  return (JSON.parse(readFileSync(join(__dirname, '../package.json'), 'utf8')) as { version: string }).version;
}
