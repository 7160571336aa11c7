#!/usr/bin/env node
// The tarballs of a release: the package without binaries, and one package for each binary that `npm run prebuilds` has
// made, of which npm installs the one that fits (optionalDependencies, with `os`, `cpu` and `libc`).
//   npm run release -- --out FOLDER [--prebuilds FOLDER]     default: those of this clone
'use strict';

const { execFileSync } = require('node:child_process');
const {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} = require('node:fs');
const { tmpdir } = require('node:os');
const { dirname, join, resolve, sep } = require('node:path');
const { parseArgs } = require('node:util');
const { cuda, platforms } = require('./platforms');

const root = resolve(__dirname, '..');
const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
const { version, license, author, engines } = manifest;
const nameOf = (platform) => `@deepyeast/${platform.name}`;

const npm = (folder, ...args) => execFileSync('npm', args, { cwd: folder, encoding: 'utf8', maxBuffer: 1 << 26 });
const writeJson = (path, value) => writeFileSync(path, `${JSON.stringify(value, null, 2)}\n`);

function stagePlatform(staged, platform, prebuilds) {
  const { os, cpu, libc, path } = platform;
  const place = platform === cuda ? cuda.file : path;
  mkdirSync(join(staged, dirname(place)), { recursive: true });
  cpSync(join(prebuilds, path), join(staged, place));
  cpSync(join(root, 'LICENSE'), join(staged, 'LICENSE'));
  const what = platform === cuda ? 'CUDA library' : 'native addon';
  const description = `The ${what} of deepyeast for ${os} on ${cpu}${libc === undefined ? '' : ` with ${libc}`}`;
  writeFileSync(
    join(staged, 'README.md'),
    `# ${nameOf(platform)}\n\n${description}. ${platform === cuda ? 'For machines with an NVIDIA GPU' : 'The package deepyeast installs it'}.\n`,
  );
  const only = { os: [os], cpu: [cpu], ...(libc !== undefined && { libc: [libc] }) };
  const files = [place.split(sep)[0]];
  writeJson(join(staged, 'package.json'), {
    ...{ name: nameOf(platform), version, description, license, author, engines, ...only, files },
    preferUnplugged: true,
  });
}

function stageMain(staged, prebuilds) {
  const [{ files }] = JSON.parse(npm(root, 'pack', '--dry-run', '--json', '--ignore-scripts'));
  for (const { path } of files) {
    if (path.startsWith('prebuilds/')) continue;
    mkdirSync(dirname(join(staged, path)), { recursive: true });
    cpSync(join(root, path), join(staged, path));
  }
  const made = platforms.filter(({ path }) => existsSync(join(prebuilds, path)));
  const optionalDependencies = Object.fromEntries(made.map((platform) => [nameOf(platform), version]));
  writeJson(join(staged, 'package.json'), { ...manifest, optionalDependencies });
}

function pack(stage, out) {
  const staged = mkdtempSync(join(tmpdir(), 'deepyeast-release-'));
  try {
    stage(staged);
    const [{ filename, unpackedSize }] = JSON.parse(
      npm(staged, 'pack', '--json', '--ignore-scripts', '--pack-destination', out),
    );
    const packed = statSync(join(out, filename.replace('@', '').replace('/', '-'))).size;
    console.log(`${filename}  ${(packed / 1e6).toFixed(2)} MB, unpacked ${(unpackedSize / 1e6).toFixed(2)} MB`);
  } finally {
    rmSync(staged, { recursive: true, force: true });
  }
}

const { values } = parseArgs({ options: { out: { type: 'string' }, prebuilds: { type: 'string' } } });
if (values.out === undefined) {
  console.error('--out FOLDER is missing');
  process.exit(2);
}
const prebuilds = resolve(values.prebuilds ?? root);
const out = resolve(values.out);
mkdirSync(out, { recursive: true });
pack((staged) => stageMain(staged, prebuilds), out);
for (const platform of [...platforms, cuda]) {
  if (existsSync(join(prebuilds, platform.path))) pack((staged) => stagePlatform(staged, platform, prebuilds), out);
  else console.log(`${nameOf(platform)}: there is no ${platform.path}; npm run prebuilds -- ${platform.name}`);
}
