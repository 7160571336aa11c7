import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { projectRoot } from '../shared-data';

// The C++ test program (native/test): it is run once, and each of its cases counts as a test here. `npm test` builds it.

const program = join(projectRoot, 'build', 'native', 'test', 'native_tests');
const { status, signal, stdout, stderr, error } = spawnSync(program, { encoding: 'utf8', timeout: 300_000 });

interface Case {
  outcome: string;
  name: string;
  reason: string;
}

const cases: Case[] = [...(stdout ?? '').matchAll(/^(ok|FAIL|skip) +([^\s:]+)(?:: (.*))?$/gm)].map(
  ([, outcome, name, reason]) => ({ outcome: outcome!, name: name!, reason: reason ?? '' }),
);

test('the C++ test program runs to its end', () => {
  expect(error, 'build it with `npm run build:tests`').toBeUndefined();
  expect({ signal, stderr }).toEqual({ signal: null, stderr: '' });
  const failed = cases.filter(({ outcome }) => outcome === 'FAIL').length;
  const skipped = cases.filter(({ outcome }) => outcome === 'skip').length;
  expect(cases.length).toBeGreaterThan(0);
  expect(stdout.trimEnd().split('\n').at(-1)).toBe(
    `${cases.length - failed - skipped} passed, ${failed} failed, ${skipped} skipped`,
  );
  expect(status).toBe(failed > 0 ? 1 : 0);
});

describe('native', () => {
  test.for(cases)('$name', ({ outcome, reason }, context) => {
    if (outcome === 'skip') context.skip(reason);
    expect(outcome === 'FAIL' ? reason : undefined).toBeUndefined();
  });
});
