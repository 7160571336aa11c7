// What only a process of its own shows: signals, a reader that goes away, what is loaded.

import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import sharp from 'sharp';
import { describe, expect, test } from 'vitest';
import { exitStatus } from '../../src/errors';
import { writeSmallDataset } from '../bad-input/small-dataset';
import { program, runCommand, runCommandWithFileLimit, startCommand, until } from '../command-line';
import { smallNetwork } from '../small-model';
import { temporaryFolder } from '../temporary-folder';

const folder = temporaryFolder();

/** Many links to one picture, so that importing them takes a while; the arguments of the import. */
async function longImport(count: number): Promise<string[]> {
  mkdirSync(folder.path('images/er'), { recursive: true });
  const picture = folder.path('picture.png');
  await sharp(new Uint8Array(64 * 64 * 3), { raw: { width: 64, height: 64, channels: 3 } })
    .png()
    .toFile(picture);
  for (let index = 0; index < count; index++) symlinkSync(picture, folder.path('images/er', `${index}.png`));
  return ['import', folder.path('images'), '--out', folder.path('deep/dataset')];
}

describe('a signal', () => {
  test.each([
    ['SIGINT', exitStatus.interrupted],
    ['SIGTERM', exitStatus.terminated],
    ['SIGHUP', exitStatus.hungUp],
  ] as const)('%s: the command cleans up and ends with %i', async (signal, status) => {
    const command = startCommand(await longImport(4000));
    await until(() => readdirSync(folder.path()).includes('deep'), command);
    command.child.kill(signal);
    const ended = await command.ended;
    expect(ended).toMatchObject({ status, signal: null });
    expect(ended.stderr).toContain(`${signal}: cleaning up`);
    expect(ended.stderr).not.toContain('error');
    expect(readdirSync(folder.path()).sort()).toEqual(['images', 'picture.png']);
  });

  test('a second one ends the command at once, and still no temporary file is left', async () => {
    const command = startCommand(await longImport(4000));
    await until(() => readdirSync(folder.path()).includes('deep'), command);
    command.child.kill('SIGTERM');
    command.child.kill('SIGINT');
    const { status } = await command.ended;
    expect([exitStatus.interrupted, exitStatus.terminated]).toContain(status);
    const left = readdirSync(folder.path()).includes('deep') ? readdirSync(folder.path('deep')) : [];
    expect(left).toEqual([]);
  });
});

test('a dropped session sends SIGHUP more than once, and others with it: the command still cleans up', async () => {
  const command = startCommand(await longImport(4000));
  await until(() => readdirSync(folder.path()).includes('deep'), command);
  for (const signal of ['SIGHUP', 'SIGHUP', 'SIGTERM'] as const) command.child.kill(signal);
  const { status, stderr } = await command.ended;
  // Signals that are sent at once may change places on their way.
  expect([exitStatus.hungUp, exitStatus.terminated], stderr).toContain(status);
  expect(readdirSync(folder.path()).sort()).toEqual(['images', 'picture.png']);
});

test('control characters in names are written out, in messages, tables and JSON', async () => {
  const evil = 'a\u001b[31m\u009b2J\u202e';
  const classes = [evil, 'b'];
  const network = await smallNetwork(classes);
  await network.save(folder.path('model.safetensors'));
  await network.close();
  const shown = runCommand(['model', 'show', folder.path('model.safetensors')]);
  expect(shown.stdout).toContain('a\\u001b[31m\\u009b2J\\u202e');
  const json = runCommand(['model', 'show', folder.path('model.safetensors'), '--json']);
  expect(JSON.parse(json.stdout).classes).toEqual(classes);
  const missing = runCommand(['model', 'show', folder.path(`${evil}.safetensors`)]);
  const wrong = runCommand(['model', 'show', `--${evil}`]);
  for (const { stdout, stderr } of [shown, json, missing, wrong]) {
    // biome-ignore lint/suspicious/noControlCharactersInRegex: these are the ones that are meant
    expect(stdout + stderr).not.toMatch(/[\u001b\u009b\u202e]/);
  }
  expect(missing.stderr).toContain('\\u001b[31m');
});

test.runIf(process.platform === 'linux')('too little memory for Node.js itself is an error that says so', async () => {
  const { tightLimits } = await import('../../src/cli/tight-limits');
  const line = (name: string, soft: string, unit: string) =>
    `${name.padEnd(26)}${soft.padEnd(21)}unlimited            ${unit}\n`;
  const table = (memory: string, threads: string) =>
    line('Max address space', memory, 'bytes') + line('Max processes', threads, 'processes');
  expect(tightLimits(table('unlimited', '63432'))).toBeUndefined();
  expect(tightLimits(table('1048576000', 'unlimited'))).toBe('1000 MiB of address space (ulimit -v)');
  expect(tightLimits(table('unlimited', '15'))).toBe('15 processes and threads (ulimit -u)');
  expect(tightLimits('')).toBeUndefined();
  // Where exactly Node.js gives up depends on its version. At its very start it says so itself; after that we do.
  for (const kibibytes of [900_000, 1_000_000, 1_100_000]) {
    const script = `ulimit -v ${kibibytes}; ulimit -c 0; exec "$@"`;
    const command = [process.execPath, program, 'doctor', '--device', 'cpu'];
    const { signal, stderr } = spawnSync('bash', ['-c', script, 'bash', ...command], { encoding: 'utf8' });
    if (signal !== null) expect(stderr, `${kibibytes} KiB`).toMatch(/Fatal process (OOM|out of memory)/);
  }
});

test('a reader that goes away (| head) ends the command quietly', async () => {
  const classes = ['a', 'b'];
  writeSmallDataset(folder.path('data'), { cells: 6000, size: 16, classes });
  const network = await smallNetwork(classes);
  await network.save(folder.path('model.safetensors'));
  await network.close();
  const predict = [
    process.execPath,
    program,
    'predict',
    '--model',
    folder.path('model.safetensors'),
    folder.path('data'),
  ];
  const script = 'set -o pipefail; "$@" | head -n 2; echo $?';
  const { stdout, stderr } = spawnSync('bash', ['-c', script, 'bash', ...predict], {
    encoding: 'utf8',
    env: { ...process.env, DEEPYEAST_LOG: 'warn' },
  });
  expect(stdout.split('\n')).toEqual([
    expect.stringMatching(/^cell,protein,predicted/),
    expect.stringMatching(/^cell0,/),
    '0',
    '',
  ]);
  expect(stderr.split('\n').filter((line) => line !== '' && !line.startsWith('predicting '))).toEqual([]);
});

test('skipped images: the dataset is there and the status is 5', async () => {
  const args = await longImport(3);
  writeFileSync(folder.path('images/er/broken.png'), 'x');
  const stopped = runCommand(args);
  expect([stopped.status, stopped.stdout]).toEqual([exitStatus.data, '']);
  expect(stopped.stderr).toMatch(/error \[image-invalid\]: .*broken\.png: .*expected PNG, JPEG or TIFF/);
  expect(readdirSync(folder.path()).sort()).toEqual(['images', 'picture.png']);
  const { status, stdout } = runCommand([...args, '--on-error', 'skip', '--json']);
  expect(status).toBe(exitStatus.skipped);
  expect(JSON.parse(stdout)).toMatchObject({
    ...{
      cells: 3,
      size: 64,
      channels: ['rfp', 'gfp'],
      classes: [{ name: 'er', cells: 3 }],
      normalization: { rule: 'none' },
    },
    skipped: [{ cell: 'er/broken', path: 'er/broken.png', reason: expect.stringContaining('expected PNG') }],
  });
  expect(readFileSync(folder.path('deep/dataset/skipped.csv'), 'utf8')).toMatch(
    /^cell,path,reason\ner\/broken,er\/broken\.png,/,
  );
});

test('a disk that is full while importing: disk-full and nothing left', async () => {
  const args = await longImport(100);
  const { status, stderr } = runCommandWithFileLimit(512, args);
  expect({ status, stderr }).toEqual({
    status: exitStatus.failure,
    stderr: expect.stringContaining('error [disk-full]: '),
  });
  expect(readdirSync(folder.path()).sort()).toEqual(['images', 'picture.png']);
});

test('the addon is loaded by the commands that compute, sharp by those that open JPEG', () => {
  const hook = folder.path('hook.cjs');
  const log = folder.path('loaded.txt');
  writeFileSync(
    hook,
    `const { dlopen } = process;
     process.dlopen = function (module, path, ...rest) {
       require('node:fs').appendFileSync(${JSON.stringify(log)}, path + '\\n');
       return dlopen.call(this, module, path, ...rest);
     };`,
  );
  writeSmallDataset(folder.path('data'));
  const loadedBy = (...args: string[]) => {
    writeFileSync(log, '');
    const { status, stderr } = spawnSync(process.execPath, ['-r', hook, program, ...args], { encoding: 'utf8' });
    expect({ args, status, stderr: status === 0 ? '' : stderr }).toEqual({ args, status: 0, stderr: '' });
    return readFileSync(log, 'utf8');
  };
  for (const command of ['import', 'split', 'train', 'predict']) expect(loadedBy(command, '--help')).toBe('');
  expect(loadedBy('split', folder.path('data'), '--by', 'cell', '--out', folder.path('parts'))).toBe('');
  // PNG is read without it.
  for (const format of ['png', 'jpeg']) {
    mkdirSync(join(folder.path(format), 'er'), { recursive: true });
    spawnSync(process.execPath, [
      '-e',
      `require('sharp')(new Uint8Array(3 * 64), { raw: { width: 8, height: 8, channels: 3 } }).toFormat(process.argv[2]).toFile(process.argv[1])`,
      folder.path(`${format}/er/a.${format}`),
      format,
    ]);
  }
  const importing = (format: string) =>
    loadedBy('import', folder.path(format), '--size', '8', '--out', folder.path(`${format}-dataset`));
  expect(importing('png')).not.toMatch(/sharp/);
  const loaded = importing('jpeg');
  expect(loaded).toMatch(/sharp/);
  expect(loaded).not.toMatch(/deepyeast\.node/);
});

test('importing ten times as many images takes no more memory', async () => {
  // 0.8 MB each when decoded: held all, 400 of them would be 300 MB.
  const side = 512;
  const picture = folder.path('picture.png');
  await sharp(new Uint8Array(side * side * 3).fill(9), { raw: { width: side, height: side, channels: 3 } })
    .png()
    .toFile(picture);
  const hook = folder.path('hook.cjs');
  writeFileSync(hook, `process.on('exit', () => process._rawDebug('rss', process.resourceUsage().maxRSS));`);
  const megabytes = (count: number) => {
    const images = folder.path(`images${count}`);
    mkdirSync(join(images, 'er'), { recursive: true });
    for (let index = 0; index < count; index++) symlinkSync(picture, join(images, 'er', `${index}.png`));
    const args = ['import', images, '--fit', 'crop', '--out', folder.path(`dataset${count}`)];
    const { status, stderr } = spawnSync(process.execPath, ['-r', hook, program, ...args], { encoding: 'utf8' });
    expect({ status, stderr: status === 0 ? '' : stderr }).toEqual({ status: 0, stderr: '' });
    return Number(/rss (\d+)/.exec(stderr)?.[1]) / 1024;
  };
  const few = megabytes(40);
  expect(few).toBeGreaterThan(30);
  expect(megabytes(400)).toBeLessThan(few + 100);
});
