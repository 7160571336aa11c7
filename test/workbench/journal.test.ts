import { appendFileSync, readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { Journal, type JournalLine } from '../../src/workbench/journal';
import { temporaryFolder } from '../temporary-folder';

const folder = temporaryFolder();
const work = (cell: number) => ({ do: 'answers', operations: [{ cells: [cell], answer: { class: 1 } }] }) as const;

async function linesOf(): Promise<JournalLine[]> {
  const lines: JournalLine[] = [];
  await (await Journal.open(folder.path('bench'), 'Ada', (line) => lines.push(line))).close();
  return lines;
}

describe('the journal', () => {
  it('is plain JSON, a line an answer, on the disk when the answer comes', async () => {
    const journal = await Journal.open(folder.path('bench'), 'Ada', () => {});
    await journal.append(work(7), 'tab', 'r1');
    // Read while it is open: nothing waits for its end.
    const [line] = readFileSync(journal.path, 'utf8')
      .trimEnd()
      .split('\n')
      .map((text) => JSON.parse(text));
    expect(line).toMatchObject({ sequence: 1, who: 'Ada', client: 'tab', request: 'r1', ...work(7) });
    await journal.close();
  });

  it('loses a torn last line, which nobody was told of, and nothing else', async () => {
    const journal = await Journal.open(folder.path('bench'), 'Ada', () => {});
    await journal.append(work(1));
    await journal.append(work(2));
    await journal.close();
    const whole = readFileSync(journal.path, 'utf8');
    appendFileSync(journal.path, '{"sequence":3,"when":"20');
    expect((await linesOf()).map(({ sequence }) => sequence)).toEqual([1, 2]);
    expect(readFileSync(journal.path, 'utf8')).toBe(whole);
  });

  it('with damage in the middle is refused, and stays as it is', async () => {
    const journal = await Journal.open(folder.path('bench'), 'Ada', () => {});
    for (const cell of [1, 2, 3]) await journal.append(work(cell));
    await journal.close();
    const lines = readFileSync(journal.path, 'utf8').split('\n');
    const damaged = [lines[0], '{"sequ', lines[2], ''].join('\n');
    writeFileSync(journal.path, damaged);
    await expect(linesOf()).rejects.toMatchObject({
      code: 'table-invalid',
      message: expect.stringContaining('line 2'),
    });
    expect(readFileSync(journal.path, 'utf8')).toBe(damaged);
  });

  it('is open in one workbench at a time', async () => {
    const journal = await Journal.open(folder.path('bench'), 'Ada', () => {});
    await expect(linesOf()).rejects.toMatchObject({ code: 'run-locked' });
    await journal.close();
    expect(await linesOf()).toEqual([]);
  });
});
