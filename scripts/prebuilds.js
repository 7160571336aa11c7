#!/usr/bin/env node
// Puts the addon, built for this platform, into prebuilds/PLATFORM-ARCH, from where the packed package loads it, and the
// CUDA library beside it where it was built: `npm run prebuilds [-- --out FOLDER] [-- -DNAME=VALUE...]`. prebuildify
// strips and names them. It wants to call node-gyp for the building; we hand it this script instead, which calls CMake.
const { cpSync, mkdirSync, readdirSync, rmSync, statSync } = require('node:fs');
const { join, resolve } = require('node:path');
const { build } = require('../native/build');

const root = resolve(__dirname, '..');
// prebuildify moves the binary away; the working tree keeps its own.
const copy = join(root, 'build', 'prebuild');

async function rebuild() {
  const definitions = JSON.parse(process.env.DEEPYEAST_PREBUILD_DEFINITIONS ?? '[]');
  const folder = process.env.DEEPYEAST_PREBUILD_FOLDER ?? join(root, 'build');
  const reason = await build({ definitions, folder, write: (text) => process.stdout.write(text) });
  if (reason !== undefined) throw new Error(`the addon could not be built: ${reason}`);
  const release = join(copy, 'build', 'Release');
  rmSync(copy, { recursive: true, force: true });
  mkdirSync(release, { recursive: true });
  for (const name of readdirSync(join(folder, 'Release'))) {
    if (/^(deepyeast\.node|libdeepyeast_cuda\.(so|dylib))$/.test(name))
      cpSync(join(folder, 'Release', name), join(release, name));
  }
}

async function main() {
  const args = process.argv.slice(2);
  const at = args.indexOf('--out');
  const out = at < 0 ? root : resolve(args[at + 1]);
  const definitions = args.filter((argument) => argument.startsWith('-D'));
  process.env.DEEPYEAST_PREBUILD_DEFINITIONS = JSON.stringify(definitions);
  mkdirSync(copy, { recursive: true });
  const options = {
    name: 'deepyeast',
    cwd: copy,
    out,
    napi: true,
    strip: true,
    // Debian's glibc says nothing to Alpine's musl: the name tells them apart.
    tagLibc: (process.env.PREBUILD_PLATFORM ?? process.platform) === 'linux',
    targets: [{ runtime: 'node', target: process.versions.node }],
    nodeGyp: __filename,
  };
  await new Promise((done, fail) => require('prebuildify')(options, (error) => (error ? fail(error) : done())));
  const arch = process.env.PREBUILD_ARCH ?? process.arch;
  const folder = join(out, 'prebuilds', `${process.env.PREBUILD_PLATFORM ?? process.platform}-${arch}`);
  for (const name of readdirSync(folder)) {
    console.log(`${join(folder, name)}  ${(statSync(join(folder, name)).size / 1e6).toFixed(2)} MB`);
  }
}

(process.argv[2] === 'rebuild' ? rebuild() : main()).catch((error) => {
  console.error(error.message);
  process.exit(1);
});
