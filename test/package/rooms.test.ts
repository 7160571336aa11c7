// Which folder of src may know which: an arrow upwards or a circle is a fault of the design, not of a line.
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve, sep } from 'node:path';
import ts from 'typescript';
import { expect, test } from 'vitest';
import { projectRoot } from '../shared-data';

const source = join(projectRoot, 'src');

/** The folders of src from the ground floor up: each may know those before it. */
const floors = [
  'files',
  'native',
  'data',
  'fields',
  'download',
  'network',
  'prediction',
  'features',
  'classifiers',
  'evaluation',
  'proteins',
  'training',
  'quality',
  'transfer',
  'report',
  'screen',
  'workbench',
  'cli',
];
/** What lies above its floor without knowing those between. */
const forbidden: [room: string, other: string][] = [
  ['network', 'download'],
  ['fields', 'download'],
  ['training', 'evaluation'],
  ['evaluation', 'download'],
];

const modules = readdirSync(source, { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.ts') && !name.endsWith('.d.ts'))
  .map((name) => name.split(sep).join('/'));
const known = new Set(modules);

/** Every module of src that each one imports, types included. */
const imports = new Map(
  modules.map((name) => {
    const { importedFiles } = ts.preProcessFile(readFileSync(join(source, name), 'utf8'));
    const found = importedFiles
      .filter(({ fileName }) => fileName.startsWith('.'))
      .map(({ fileName }) =>
        relative(source, resolve(source, dirname(name), fileName))
          .split(sep)
          .join('/'),
      )
      .flatMap((path) => [path, `${path}.ts`, `${path}/index.ts`, path.replace(/\.js$/, '.ts')])
      .filter((path) => known.has(path));
    return [name, found] as const;
  }),
);

/** The folder of src that a module lies in; empty for the files beside the folders. */
const room = (name: string) => (name.includes('/') ? (name.split('/', 1)[0] as string) : '');

test('no module leads back to itself', () => {
  const finished = new Set<string>();
  const circles: string[] = [];
  const follow = (name: string, way: readonly string[]) => {
    if (way.includes(name)) {
      circles.push([...way.slice(way.indexOf(name)), name].join(' > '));
      return;
    }
    if (finished.has(name)) return;
    for (const next of imports.get(name) ?? []) follow(next, [...way, name]);
    finished.add(name);
  };
  for (const name of modules) follow(name, []);
  expect(circles).toEqual([]);
});

test('a folder knows only those below it', () => {
  const upwards: string[] = [];
  for (const [name, found] of imports) {
    if (room(name) === '') continue;
    expect(floors).toContain(room(name));
    for (const other of found) {
      if (room(other) === '' || room(other) === room(name)) continue;
      const above = floors.indexOf(room(other)) > floors.indexOf(room(name));
      if (above || forbidden.some(([a, b]) => a === room(name) && b === room(other))) {
        upwards.push(`${name} imports ${other}`);
      }
    }
  }
  expect(upwards).toEqual([]);
});

test('the modules beside the folders know none of them, but for the public API', () => {
  for (const [name, found] of imports) {
    if (room(name) !== '' || name === 'index.ts') continue;
    expect(found.filter((other) => room(other) !== '').map((other) => `${name} imports ${other}`)).toEqual([]);
  }
});

test('the imports were found', () => {
  expect(imports.get('index.ts')?.length).toBeGreaterThan(20);
  expect(imports.get('cli/program.ts')).toContain('cli/train.ts');
});
