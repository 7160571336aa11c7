#!/usr/bin/env node
// Puts the addon into prebuilds/PLATFORM-ARCH, from where the packed package loads it: for this platform, for those that
// are named, or for all of scripts/platforms.js. The linker has stripped it.
//   npm run prebuilds [-- --all | NAME...] [--out FOLDER] [-DNAME=VALUE...]
// cuda-linux-x64 is the CUDA library, which needs nvcc and cuDNN (DEEPYEAST_CUDA_WHEELS) and is none of --all.
'use strict';

const { copyFileSync, mkdirSync, statSync } = require('node:fs');
const { dirname, join, resolve } = require('node:path');
const { parseArgs } = require('node:util');
const { build } = require('../native/build');
const { cuda, platforms, thisPlatform } = require('./platforms');

const root = resolve(__dirname, '..');

async function make(platform, out, given) {
  const own = platform === thisPlatform();
  if (!own && platform.definitions === undefined) {
    throw new Error(
      `${platform.name} is built on such a machine only: it has no cross compiler in scripts/platforms.js`,
    );
  }
  const folder = own ? join(root, 'build') : join(root, 'build', platform.name);
  const without = platform === cuda ? [] : ['-DDEEPYEAST_CUDA=off'];
  const definitions = own ? given : [...platform.definitions(), ...without, ...given];
  const reason = await build({ definitions, folder, write: (text) => process.stdout.write(text) });
  if (reason !== undefined) throw new Error(`the addon for ${platform.name} could not be built: ${reason}`);
  const target = join(out, platform.path);
  mkdirSync(dirname(target), { recursive: true });
  copyFileSync(join(folder, 'Release', platform === cuda ? cuda.file : 'deepyeast.node'), target);
  console.log(`${target}  ${(statSync(target).size / 1e6).toFixed(2)} MB`);
}

async function main() {
  const args = process.argv.slice(2);
  const { values, positionals } = parseArgs({
    args: args.filter((argument) => !argument.startsWith('-D')),
    options: { all: { type: 'boolean' }, out: { type: 'string' } },
    allowPositionals: true,
  });
  const known = [...platforms, cuda];
  const unknown = positionals.find((name) => !known.some((platform) => platform.name === name));
  if (unknown !== undefined) {
    throw new Error(`${unknown} is no platform; expected some of ${known.map(({ name }) => name).join(', ')}`);
  }
  let wanted = known.filter((platform) => (values.all && platform !== cuda) || positionals.includes(platform.name));
  if (wanted.length === 0) wanted = [thisPlatform()].filter((platform) => platform !== undefined);
  if (wanted.length === 0) throw new Error(`there is no binary for ${process.platform} ${process.arch}`);
  for (const platform of wanted) {
    await make(
      platform,
      resolve(values.out ?? root),
      args.filter((argument) => argument.startsWith('-D')),
    );
  }
}

main().catch((error) => {
  console.error(error.message);
  process.exit(1);
});
