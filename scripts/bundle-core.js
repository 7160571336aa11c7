// Puts the modules behind Network, with which every program begins, into one file, dist/core/index.js: to find, read and
// compile a file takes a third of a millisecond, and 20 of them half of what a start spends on loading modules. In place
// of each module stands a line that takes it from there, so that there is one copy of each, however it is reached.
const { writeFileSync } = require('node:fs');
const { join, posix } = require('node:path');
const { buildSync } = require('esbuild');

const dist = join(__dirname, '..', 'dist');
const options = {
  bundle: true,
  platform: 'node',
  target: 'node20',
  absWorkingDir: dist,
  external: ['*.node', '../../package.json'],
  packages: 'external',
  metafile: true,
  logLevel: 'warning',
};

/** Paths of all modules that the network's reach, such as "network/checkpoint.js". */
const { metafile } = buildSync({ ...options, entryPoints: ['network/index.js'], write: false });
const modules = Object.keys(metafile.inputs);

// Each is run when it is first asked for.
const entries = modules.map((path) => `  get ${JSON.stringify(path)}() { return require('./${path}'); },\n`);
buildSync({
  ...options,
  stdin: { contents: `module.exports = {\n${entries.join('')}};\n`, resolveDir: dist },
  // As deep as the modules that look for the package's other files: those paths hold here as well.
  outfile: join(dist, 'core', 'index.js'),
});
// The second line does nothing: import() reads the names of a CommonJS module off its text.
for (const path of modules) {
  const way = posix.relative(posix.dirname(path), 'core/index.js');
  const names = Object.keys(require(join(dist, path)));
  writeFileSync(
    join(dist, path),
    `module.exports = require('./${way}')[${JSON.stringify(path)}];\n0 && (module.exports = { ${names.join(', ')} });\n`,
  );
}
