#!/usr/bin/env node
// Builds the addon, build/Release/deepyeast.node, with CMake: `node native/build.js [-DNAME=VALUE...]`. The headers of
// Node-API come from two npm packages; nothing is downloaded. Needs CMake, make or ninja, and a C++17 compiler.
'use strict';

const { spawn, spawnSync } = require('node:child_process');
const fs = require('node:fs');
const path = require('node:path');

const root = path.resolve(__dirname, '..');

const runs = (program) => spawnSync(program, ['--version'], { stdio: 'ignore' }).status === 0;

/** The tools that a build needs and this machine lacks, in words. */
function missingTools() {
  const missing = [];
  if (!runs('cmake')) missing.push('CMake (3.18 or later)');
  if (!runs('make') && !runs('ninja')) missing.push('make (or ninja)');
  if (![process.env.CXX, 'c++', 'g++', 'clang++'].some((compiler) => compiler && runs(compiler.split(' ')[0]))) {
    missing.push('a C++17 compiler (GCC 9, Clang 10 or later)');
  }
  return missing;
}

function configureArguments(folder, definitions) {
  const include = (name, key) => path.resolve(path.dirname(require.resolve(`${name}/package.json`)), key);
  const chosen = fs.existsSync(path.join(folder, 'CMakeCache.txt')) || process.env.CMAKE_GENERATOR;
  return [
    ...['-S', root, '-B', folder],
    // An existing build folder keeps its generator: CMake refuses another one.
    ...(chosen || !runs('ninja') ? [] : ['-G', 'Ninja']),
    `-DNODE_API_INCLUDE=${include('node-api-headers', 'include')}`,
    `-DNODE_ADDON_API_INCLUDE=${include('node-addon-api', '.')}`,
    ...definitions,
  ];
}

/** Runs a program with its output passed on and kept; resolves to its exit status, null where it could not be run. */
function run(program, args, write) {
  return new Promise((resolve) => {
    write(`> ${program} ${args.join(' ')}\n`);
    const child = spawn(program, args, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] });
    child.stdout.on('data', write);
    child.stderr.on('data', write);
    child.on('error', (error) => {
      write(`${error.message}\n`);
      resolve(null);
    });
    child.on('close', resolve);
  });
}

/**
 * Configures and builds; everything that the tools print goes to `write`. Resolves to undefined where all went well, else
 * to the reason.
 */
async function build({ definitions = [], write, folder = path.join(root, 'build') }) {
  let output = '';
  const record = (text) => {
    output += text;
    write(text);
  };
  const missing = missingTools();
  if (missing.length > 0) {
    record(`missing: ${missing.join(', ')}\n`);
    return `${missing.join(' and ')} ${missing.length > 1 ? 'are' : 'is'} missing`;
  }
  if ((await run('cmake', configureArguments(folder, definitions), record)) === 0) {
    const parallel = process.env.CMAKE_BUILD_PARALLEL_LEVEL ?? '2';
    if ((await run('cmake', ['--build', folder, '--parallel', parallel], record)) === 0) return undefined;
  }
  const line = output.split('\n').find((text) => /\berror\b|not found/i.test(text));
  return (line ?? 'CMake failed').trim();
}

module.exports = { build };

if (require.main === module) {
  build({ definitions: process.argv.slice(2), write: (text) => process.stdout.write(text) }).then((reason) => {
    if (reason === undefined) return;
    process.stderr.write(`\nThe addon could not be built: ${reason}\n`);
    process.exitCode = 1;
  });
}
