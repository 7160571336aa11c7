import { writeFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { temporaryFolder } from '../temporary-folder';
import { commandsOf, readExamples, reduced } from './page';

const folder = temporaryFolder();
function page(...lines: string[]): string {
  writeFileSync(folder.path('page.md'), lines.join('\n'));
  return folder.path('page.md');
}

test('a block says how it is tested', () => {
  const [first, second, third, ...rest] = readExamples(
    page(
      '<!-- example: run -->',
      '```sh',
      'deepyeast doctor',
      '```',
      '<!-- example: run, --cells 60 for --cells 9000; 1 for 300 -->',
      '```sh',
      'deepyeast simulate --cells 9000 --seed 300',
      '```',
      '<!-- example: not run (GPU) -->',
      '```ts',
      'device();',
      '```',
      '```json',
      '{}',
      '```',
      '```',
      'plain',
      '```',
    ),
  );
  expect(first).toEqual({
    line: 2,
    language: 'sh',
    text: 'deepyeast doctor',
    directive: { kind: 'run', replacements: [] },
  });
  expect(reduced(second!)).toBe('deepyeast simulate --cells 60 --seed 1');
  expect(third!.directive).toEqual({ kind: 'not run', reason: 'GPU' });
  expect(rest).toEqual([]);
});

test.each([
  ['nothing', ''],
  ['something else', '<!-- example: perhaps -->'],
  ['no reason', '<!-- example: not run -->'],
  ['no replacement', '<!-- example: run, quickly -->'],
  ['a replacement of what is not there', '<!-- example: run, 3 for 4000 -->'],
])('a block that says %s is refused with its line', (_, comment) => {
  expect(() => readExamples(page(comment, '```sh', 'deepyeast doctor', '```'))).toThrow(/page\.md:2: /);
});

test('a block that does not end is refused', () => {
  expect(() => readExamples(page('<!-- example: run -->', '```sh', 'deepyeast doctor'))).toThrow('does not end');
});

test('the commands of a console are the lines after "$ " and those that go on', () => {
  expect(commandsOf('$ a --b \\\n    --c\n> output\n$ d\nmore output')).toBe('a --b \\\n    --c\nd');
});
