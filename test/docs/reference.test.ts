import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Application, LogLevel } from 'typedoc';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { projectRoot } from '../shared-data';

let out: string;
beforeAll(() => {
  out = mkdtempSync(join(tmpdir(), 'deepyeast-reference-'));
});
afterAll(() => rmSync(out, { recursive: true, force: true }));

test('the reference of every export is made from the docstrings without a warning', { timeout: 180_000 }, async () => {
  const app = await Application.bootstrapWithPlugins({
    options: join(projectRoot, 'typedoc.json'),
    tsconfig: join(projectRoot, 'tsconfig.build.json'),
    entryPoints: [join(projectRoot, 'src/index.ts')],
    logLevel: LogLevel.None,
  });
  const project = await app.convert();
  expect(project).toBeDefined();
  app.validate(project!);
  await app.generateDocs(project!, out);
  const { errorCount, warningCount } = app.logger;
  expect({ errorCount, warningCount }, 'run `npx typedoc` to read them').toEqual({ errorCount: 0, warningCount: 0 });
  expect(readdirSync(join(out, 'functions'))).toContain('train.html');
  expect(readdirSync(join(out, 'classes'))).toContain('Network.html');
});
