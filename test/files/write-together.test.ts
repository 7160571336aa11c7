import { spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { writeFileAtomically } from '../../src/files/atomic-file';
import { processMark } from '../../src/files/process-mark';
import { writeBeside, writeFolder } from '../../src/files/write-together';
import { projectRoot } from '../shared-data';
import { temporaryFolder } from '../temporary-folder';

const folder = temporaryFolder();
const two = (first: string, second: string) => async (staging: string) => {
  await writeFileAtomically(join(staging, 'a.txt'), first);
  mkdirSync(join(staging, 'part'));
  await writeFileAtomically(join(staging, 'part/b.txt'), second);
  return 'done';
};

function contents(path: string): Record<string, string> {
  return Object.fromEntries(
    readdirSync(path, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name))
      .sort()
      .map((file) => [file.slice(path.length + 1), readFileSync(file, 'utf8')]),
  );
}

describe('the parts of an output', () => {
  test('are all in a new folder, or in an empty one', async () => {
    expect(await writeFolder(folder.path('deep/new'), two('1', '2'))).toBe('done');
    expect(contents(folder.path())).toEqual({ 'deep/new/a.txt': '1', 'deep/new/part/b.txt': '2' });
    mkdirSync(folder.path('empty'));
    await writeFolder(folder.path('empty'), two('3', '4'));
    expect(contents(folder.path('empty'))).toEqual({ 'a.txt': '3', 'part/b.txt': '4' });
  });

  test('stand beside what was there, files of the same names replaced', async () => {
    mkdirSync(folder.path('out/part'), { recursive: true });
    writeFileSync(folder.path('out/other.txt'), 'other');
    writeFileSync(folder.path('out/a.txt'), 'old');
    writeFileSync(folder.path('out/part/c.txt'), 'c');
    await writeFolder(folder.path('out'), two('1', '2'));
    const expected = { 'a.txt': '1', 'other.txt': 'other', 'part/b.txt': '2', 'part/c.txt': 'c' };
    expect(contents(folder.path('out'))).toEqual(expected);
    symlinkSync('out', folder.path('link'));
    await writeFolder(folder.path('link'), two('3', '2'));
    expect(contents(folder.path('out'))).toEqual({ ...expected, 'a.txt': '3' });
    await writeBeside(folder.path('out/page.html'), two('4', '5'));
    expect(contents(folder.path('out'))).toEqual({ ...expected, 'a.txt': '4', 'part/b.txt': '5' });
  });

  test('are none after a failure, and the folders made for them are gone', async () => {
    const fail = async (staging: string) => {
      await writeFileAtomically(join(staging, 'a.txt'), 'half');
      throw new Error('later');
    };
    await expect(writeFolder(folder.path('deep/er/out'), fail)).rejects.toThrow('later');
    expect(readdirSync(folder.path())).toEqual([]);
    mkdirSync(folder.path('out'));
    writeFileSync(folder.path('out/a.txt'), 'old');
    await expect(writeFolder(folder.path('out'), fail)).rejects.toThrow('later');
    expect(contents(folder.path())).toEqual({ 'out/a.txt': 'old' });
  });

  test('are none where a folder is in the place of a file', async () => {
    mkdirSync(folder.path('out/a.txt'), { recursive: true });
    await expect(writeFolder(folder.path('out'), two('1', '2'))).rejects.toMatchObject({ code: 'output-exists' });
    expect(readdirSync(folder.path('out'))).toEqual(['a.txt']);
    writeFileSync(folder.path('file'), '');
    await expect(writeFolder(folder.path('file'), two('1', '2'))).rejects.toMatchObject({ code: 'io-error' });
  });

  test('messages name the place and not the temporary folder', async () => {
    const fail = async (staging: string) => writeFileAtomically(join(staging, 'no/such/a.txt'), '');
    const error = await writeFolder(folder.path('out'), fail).catch((reason) => reason);
    expect(error).toMatchObject({
      code: 'io-error',
      message: expect.stringContaining(folder.path('out/no/such/a.txt')),
    });
    expect(error.message).not.toContain('out.tmp-');
  });
});

/** The mark of a process that has ended. */
function deadMark(): string {
  const module = join(projectRoot, 'dist/files/process-mark.js');
  const script = `process.stdout.write(require(${JSON.stringify(module)}).processMark())`;
  return spawnSync(process.execPath, ['-e', script], { encoding: 'utf8' }).stdout;
}

describe('what a killed process left', () => {
  test('is removed by the next that writes into the folder; what lives or is not known stays', async () => {
    const dead = deadMark();
    const [pid, machine] = dead.split('-') as [string, string];
    const gone = [`a.csv.tmp-${dead}-0a1b2c3d`, `data.tmp-${dead}-0a1b2c3e`, `old.csv.tmp-${pid}-elsewhere-1-0a1b2c3d`];
    const kept = [
      `a.csv.tmp-${processMark()}-0a1b2c3d`,
      `a.csv.tmp-${pid}-elsewhere-1-0a1b2c3d`,
      `a.csv.tmp-${process.ppid}-${machine}-other-0a1b2c3d`.replace('-other-', `-${parentStart()}-`),
      'people.tmp-notes',
      `model.safetensors.tmp-${pid}-native-0`,
    ];
    for (const name of [...gone, ...kept]) {
      if (name.startsWith('data')) mkdirSync(folder.path(name, 'train'), { recursive: true });
      else writeFileSync(folder.path(name), 'x');
    }
    const old = new Date(Date.now() - 30 * 24 * 3600 * 1000);
    utimesSync(folder.path(gone[2] as string), old, old);
    await writeFileAtomically(folder.path('b.csv'), 'b');
    expect(readdirSync(folder.path()).sort()).toEqual([...kept, 'b.csv'].sort());
  });

  test('while it moved whole files to their places is brought to its end', async () => {
    const moving = folder.path('out', `out.moving-${deadMark()}-0a1b2c3d`);
    mkdirSync(join(moving, 'part'), { recursive: true });
    writeFileSync(join(moving, 'part/b.txt'), 'new');
    writeFileSync(folder.path('out/a.txt'), 'new');
    writeFileSync(join(moving, 'c.txt'), 'new');
    writeFileSync(folder.path('out/c.txt'), 'old');
    await writeFileAtomically(folder.path('out/z.txt'), 'z');
    expect(contents(folder.path('out'))).toEqual({ 'a.txt': 'new', 'c.txt': 'new', 'part/b.txt': 'new', 'z.txt': 'z' });
  });
});

/** The start of the process above this one, as marks have it; '0' where the system does not say. */
function parentStart(): string {
  if (!existsSync(`/proc/${process.ppid}/stat`)) return '0';
  const status = readFileSync(`/proc/${process.ppid}/stat`, 'utf8');
  return Number(status.slice(status.lastIndexOf(')') + 2).split(' ')[19]).toString(36);
}

// A kill -9 at any moment: the program is killed as soon as something of the output shows, and run again.
test.each([['simulate', (out: string) => ['simulate', '--out', out, '--cells', '300', '--threads', '1']]])(
  '%s after a kill -9 at any moment: the output is whole or absent, and the next run leaves nothing else',
  (_, command) => {
    const root = mkdtempSync(join(tmpdir(), 'deepyeast-killed-'));
    const program = join(projectRoot, 'dist/cli/main.js');
    try {
      for (let round = 0; round < 6; round++) {
        const script = `"$@" & p=$!; until [ -n "$(ls -A "$0")" ]; do sleep 0.01; done; sleep 0.0${round * 15}; kill -9 $p; wait $p`;
        spawnSync('bash', ['-c', script, root, process.execPath, program, ...command(join(root, 'out'))]);
        const whole = existsSync(join(root, 'out'));
        if (whole) expect(readdirSync(join(root, 'out')).sort()).toEqual(['test', 'train', 'validation']);
        rmSync(join(root, 'out'), { recursive: true, force: true });
      }
      const { status } = spawnSync(process.execPath, [program, ...command(join(root, 'out'))]);
      expect(status).toBe(0);
      expect(readdirSync(root)).toEqual(['out']);
    } finally {
      rmSync(root, { recursive: true, force: true });
    }
  },
);
