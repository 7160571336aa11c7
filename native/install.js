// npm's install step: uses a fitting prebuilt binary where there is one, else builds from source with cmake-js. Nothing
// is downloaded: the Node-API headers come from the npm package node-api-headers.
'use strict';

const { spawnSync } = require('node:child_process');
const fs = require('node:fs');
const path = require('node:path');

const root = path.resolve(__dirname, '..');
const log = path.join(root, 'build', 'install.log');

function hasPrebuilt() {
  try {
    return require('node-gyp-build').path(root).includes(`${path.sep}prebuilds${path.sep}`);
  } catch {
    return false; // node-gyp-build throws when there is none
  }
}

function explain(reason) {
  process.stderr.write(
    `\ndeepyeast: no prebuilt binary fits ${process.platform} ${process.arch}, and building from source failed: ${reason}. ` +
      'A C++17 compiler (GCC 9, Clang 10 or later), make or ninja, and CMake 3.18 or later are needed; on Debian and Ubuntu: ' +
      `apt-get install g++ make cmake; on macOS: xcode-select --install and brew install cmake. The full log: ${log}\n`,
  );
  process.exit(1);
}

function build() {
  fs.mkdirSync(path.dirname(log), { recursive: true });
  const cmakeJs = path.join(path.dirname(require.resolve('cmake-js/package.json')), 'bin', 'cmake-js');
  const result = spawnSync(process.execPath, [cmakeJs, 'compile', '--parallel', '2'], { cwd: root, encoding: 'utf8' });
  fs.writeFileSync(log, `${result.stdout ?? ''}\n${result.stderr ?? ''}\n${result.error ?? ''}`);
  if (result.status === 0) return;
  const lines = `${result.stdout ?? ''}\n${result.stderr ?? ''}`.split('\n');
  explain((lines.find((line) => /error|not found|ENOENT/i.test(line)) ?? `exit status ${result.status}`).trim());
}

const fromSource = process.argv.includes('--build') || process.env.npm_config_build_from_source === 'true';
if (fromSource || !hasPrebuilt()) build();
