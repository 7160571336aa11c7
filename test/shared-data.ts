import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { TestContext } from 'vitest';

/** The project's root folder. */
export const projectRoot = resolve(__dirname, '..');

/**
 * The folder of real images and label lists: `../shared/data` beside the project, or DEEPYEAST_DATA. Undefined where
 * there is none.
 */
export function sharedData(): string | undefined {
  const path = process.env.DEEPYEAST_DATA ?? resolve(projectRoot, '..', 'shared', 'data');
  return existsSync(path) ? path : undefined;
}

/** The path of one entry of the shared data; where it is absent the running test is skipped and the report says why. */
export function sharedDataOrSkip(context: TestContext, ...parts: string[]): string {
  const root = sharedData();
  const path = root === undefined ? undefined : join(root, ...parts);
  if (path === undefined || !existsSync(path)) {
    context.skip(`real data absent: ${join('../shared/data', ...parts)} (set DEEPYEAST_DATA to its folder)`);
  }
  return path as string;
}
