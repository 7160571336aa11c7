import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach } from 'vitest';

/** A folder of each test's own: `folder.path('a', 'b')` is a path in it. Call at the top of a test file or a describe. */
export function temporaryFolder(): { path(...parts: string[]): string } {
  let root = '';
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'deepyeast-test-'));
  });
  afterEach(() => rmSync(root, { recursive: true, force: true }));
  return { path: (...parts) => join(root, ...parts) };
}
