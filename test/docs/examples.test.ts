// Every block of commands and code in README.md and docs/*.md is run, at the scale that the comment above it declares, or
// says there why not. The blocks of a page run in their order, in one scratch folder, on cells that are drawn here.
import { spawnSync } from 'node:child_process';
import { chmodSync, cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import ts from 'typescript';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { program } from '../command-line';
import { projectRoot } from '../shared-data';
import { commandsOf, type Example, readExamples, reduced } from './page';

const pages = [
  'README.md',
  ...readdirSync(join(projectRoot, 'docs'))
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name}`),
];
const examplesOf = (page: string) => readExamples(join(projectRoot, page));
const pagesWithExamples = pages.filter((page) => examplesOf(page).length > 0);
const isTypeScript = ({ language }: Example) => language === 'ts';
const isShell = ({ language }: Example) => ['sh', 'bash', 'console'].includes(language);

let root: string;
beforeAll(async () => {
  root = mkdtempSync(join(tmpdir(), 'deepyeast-docs-'));
  // `deepyeast` and `npx deepyeast` are the compiled program.
  mkdirSync(join(root, 'bin'));
  const quoted = `'${process.execPath}' '${program}'`;
  writeScript('deepyeast', `exec ${quoted} "$@"`);
  writeScript(
    'npx',
    `[ "$1" = deepyeast ] || { echo "npx $1 is not run here" >&2; exit 1; }; shift; exec ${quoted} "$@"`,
  );
  await drawCells(join(root, 'given'));
}, 300_000);
afterAll(() => rmSync(root, { recursive: true, force: true }));

function writeScript(name: string, line: string): void {
  writeFileSync(join(root, 'bin', name), `#!/bin/sh\n${line}\n`);
  chmodSync(join(root, 'bin', name), 0o755);
}

/**
 * What a reader has: `cells`, a folder a class with crops PROTEIN-FIELD-NUMBER.png, the marker in red, the protein in
 * green; and `images`, crops of proteins that nobody has looked at.
 */
async function drawCells(folder: string): Promise<void> {
  const { Dataset, simulate } = await import('../../src/index');
  const screen = join(folder, 'screen');
  await simulate({ out: screen, cells: 400, proteins: 36, difficulty: 'easy', seed: 1 });
  const dataset = await Dataset.open(join(screen, 'train'));
  const { size, classes } = dataset;
  const drawn = new Map(['nucleus', 'vacuole', 'er'].map((name) => [name, 0]));
  for (const [i, label] of dataset.labels.entries()) {
    const name = classes[label]!;
    const number = drawn.get(name);
    if (number === undefined || number >= 20) continue;
    drawn.set(name, number + 1);
    const field = 1 + (number % 2);
    const path =
      number < 16
        ? join(folder, 'cells', name, `${name[0]!.toUpperCase()}${1 + (number % 4)}-${field}-${i}.png`)
        : join(folder, 'images', `P${drawn.size}${name[0]}-${field}-${i}.png`);
    mkdirSync(join(path, '..'), { recursive: true });
    const crop = await dataset.readImages(Uint32Array.of(i));
    const rgb = Uint8Array.from({ length: size * size * 3 }, (_, j) =>
      j % 3 === 2 ? 0 : crop[Math.floor(j / 3) * 2 + (j % 3)]!,
    );
    await sharp(rgb, { raw: { width: size, height: size, channels: 3 } })
      .png()
      .toFile(path);
  }
  rmSync(screen, { recursive: true });
}

/** A page's folder, with the package where `import` looks for it. */
function scratchFolder(page: string): string {
  const scratch = join(root, page.replaceAll('/', '-'));
  mkdirSync(join(scratch, 'node_modules'), { recursive: true });
  symlinkSync(projectRoot, join(scratch, 'node_modules', 'deepyeast'));
  symlinkSync(join(projectRoot, 'node_modules', '@types'), join(scratch, 'node_modules', '@types'));
  cpSync(join(root, 'given'), scratch, { recursive: true });
  return scratch;
}

function runExample(example: Example, scratch: string): void {
  const text = reduced(example);
  const env = { ...process.env, PATH: `${join(root, 'bin')}:${process.env.PATH}` };
  const options = { cwd: scratch, env, encoding: 'utf8', timeout: 300_000 } as const;
  if (isShell(example)) {
    const script = example.language === 'console' ? commandsOf(text) : text;
    expect(script, 'a console block without a line that begins with "$ "').not.toBe('');
    succeed(spawnSync('bash', ['-e', '-u', '-o', 'pipefail', '-c', script], options));
    return;
  }
  if (isTypeScript(example) || example.language === 'js') {
    const file = join(scratch, `line-${example.line}.mjs`);
    const { outputText } = ts.transpileModule(text, {
      compilerOptions: { module: ts.ModuleKind.ESNext, target: ts.ScriptTarget.ES2022 },
    });
    writeFileSync(file, outputText);
    succeed(spawnSync(process.execPath, [file], options));
    return;
  }
  expect.fail(`blocks of ${example.language} cannot be run here; say <!-- example: not run (REASON) -->`);
}

function succeed({ status, signal, stdout, stderr }: ReturnType<typeof spawnSync>): void {
  expect({ status, signal }, `${stdout}${stderr}`).toEqual({ status: 0, signal: null });
}

describe.each(pagesWithExamples)('%s', (page) => {
  const examples = examplesOf(page);
  let scratch: string;
  beforeAll(() => {
    scratch = scratchFolder(page);
  });
  test.for(examples)('line $line', { timeout: 300_000 }, (example, context) => {
    const { directive } = example;
    if (directive.kind === 'not run') return context.skip(`not run: ${directive.reason}`);
    if (directive.kind === 'python') {
      const imports = directive.modules.map((name) => `import ${name}`).join('; ');
      if (spawnSync('python3', ['-c', imports]).status !== 0)
        context.skip(`Python without ${directive.modules.join(', ')}`);
      return succeed(spawnSync('python3', ['-c', example.text], { cwd: scratch, encoding: 'utf8' }));
    }
    runExample(example, scratch);
  });
});

test('every block of TypeScript has the types that it says', { timeout: 300_000 }, () => {
  const scratch = scratchFolder('types');
  const files = pages.flatMap((page) =>
    examplesOf(page)
      .filter(isTypeScript)
      .map(({ line, text }) => {
        const file = join(scratch, `${page.replaceAll('/', '-')}-line-${line}.mts`);
        writeFileSync(file, `${text}\nexport {};\n`);
        return file;
      }),
  );
  expect(files).not.toHaveLength(0);
  const options: ts.CompilerOptions = {
    module: ts.ModuleKind.Node16,
    target: ts.ScriptTarget.ES2022,
    lib: ['lib.es2023.d.ts', 'lib.esnext.disposable.d.ts'],
    strict: true,
    noEmit: true,
    skipLibCheck: true,
    types: ['node'],
    typeRoots: [join(scratch, 'node_modules', '@types')],
  };
  const diagnostics = ts.getPreEmitDiagnostics(ts.createProgram(files, options));
  const host = {
    getCanonicalFileName: (name: string) => name,
    getCurrentDirectory: () => scratch,
    getNewLine: () => '\n',
  };
  expect(ts.formatDiagnostics(diagnostics, host)).toBe('');
});

test('links between the pages lead somewhere', () => {
  const broken = pages.flatMap((page) => {
    const text = ts.sys.readFile(join(projectRoot, page))!;
    return [...text.matchAll(/\]\(([^)#\s]+)(?:#[^)]*)?\)/g)]
      .map((match) => match[1]!)
      .filter((target) => !/^https?:/.test(target) && !ts.sys.fileExists(join(projectRoot, page, '..', target)))
      .map((target) => `${page}: ${target}`);
  });
  expect(broken).toEqual([]);
});
