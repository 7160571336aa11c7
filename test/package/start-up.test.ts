import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { projectRoot } from '../shared-data';

/** Packages of which one use or another has need, each slow to load: loaded on first use. */
const onFirstUse = [
  ...['sharp', 'geotiff', 'csv-parse', 'hyparquet', 'hyparquet-writer', 'vega', 'vega-lite', 'umap-js', 'ml-matrix'],
  ...['protobufjs', 'jsfive', 'undici', 'tar', 'yauzl', 'yazl', 'yaml'],
];

test('the package loads none of the packages that only some uses need', async () => {
  const script =
    'require(process.argv[1]); console.log(JSON.stringify(Object.keys(require.cache).map((path) => path.replaceAll("\\\\", "/"))))';
  const { stdout } = await promisify(execFile)(process.execPath, ['-e', script, join(projectRoot, 'dist', 'index.js')]);
  const loaded = (JSON.parse(stdout) as string[]).map(
    (path) => /.*\/node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(path)?.[1],
  );
  expect(loaded).toContain(undefined); // the package's own modules
  expect(loaded.filter((name) => name !== undefined && onFirstUse.includes(name))).toEqual([]);
});
