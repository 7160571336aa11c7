// npm's install step: takes a prebuilt binary that runs on this machine where the package has one, else builds from
// source. Nothing is downloaded.
'use strict';

const { spawnSync } = require('node:child_process');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { build } = require('./build');

const root = path.resolve(__dirname, '..');
const log = path.join(root, 'build', 'install.log');

/** The binary in the package, or in the package of this platform, which npm installs beside it. */
function prebuiltBinary() {
  const { platform, arch } = process;
  const names = platform === 'linux' ? [`linux-${arch}`, `linuxmusl-${arch}`] : [`${platform}-${arch}`];
  for (const name of ['', ...names.map((one) => `@deepyeast/${one}`)]) {
    try {
      const folder = name === '' ? root : path.dirname(require.resolve(`${name}/package.json`, { paths: [root] }));
      return require('node-gyp-build').path(folder);
    } catch {
      // Not there, or not for this machine.
    }
  }
  return undefined;
}

/** Why there is no prebuilt binary to use; undefined where there is one. */
function whyNoPrebuilt() {
  // The sources of a clone may be newer than any binary in it.
  if (fs.existsSync(path.join(root, 'native', 'test'))) return 'a clone is built from its sources';
  if (process.env.npm_config_build_from_source) return 'npm was told to build from source';
  const binary = prebuiltBinary();
  if (binary === undefined) return `none is installed for ${process.platform} ${process.arch}`;
  if (!binary.includes(`${path.sep}prebuilds${path.sep}`)) return 'an earlier installation was built from source';
  // In a process of its own: a binary for another machine may kill the one that loads it.
  const child = spawnSync(process.execPath, ['-e', 'require(process.argv[1])', binary], { encoding: 'utf8' });
  if (child.status === 0) return undefined;
  const line = child.stderr?.split('\n').find((text) => text.startsWith('Error: '));
  return `${binary} cannot be loaded (${line?.slice(7) ?? child.signal ?? child.error?.message ?? 'unknown reason'})`;
}

/** A copy of the log that is still there when npm has removed the package's folder. */
function keepLog() {
  const kept = path.join(fs.mkdtempSync(path.join(os.tmpdir(), 'deepyeast-install-')), 'install.log');
  fs.copyFileSync(log, kept);
  return kept;
}

async function install() {
  const without = whyNoPrebuilt();
  if (without === undefined) return;
  fs.mkdirSync(path.dirname(log), { recursive: true });
  fs.writeFileSync(log, '');
  const reason = await build({ write: (text) => fs.appendFileSync(log, text) });
  if (reason === undefined) return;
  process.stderr.write(
    `\ndeepyeast: there is no prebuilt binary to use (${without}), and building from source failed: ${reason}. ` +
      'Building needs a C++17 compiler, make or ninja, and CMake 3.18 or later; on Debian and Ubuntu: ' +
      '`apt-get install g++ make cmake`; on Fedora: `dnf install gcc-c++ make cmake`; on macOS: `xcode-select --install` ' +
      'and `brew install cmake`; on Windows: MinGW-w64 (its g++) and CMake; then install again. ' +
      `The full log: ${keepLog()}\n`,
  );
  process.exitCode = 1;
}

install();
