// Writes dist/index.mjs and dist/index.d.mts: the thin ESM entry. It re-exports the one CommonJS build by name, so that
// `import` and `require` share one copy of every class. And makes dist/index.js load each module when one of its names is
// first used: a program that classifies cells does not wait for the analyses' 150 files.
const { readFileSync, writeFileSync } = require('node:fs');
const { join } = require('node:path');
const ts = require('typescript');

const root = join(__dirname, '..');

/** The names that src/index.ts exports as values (types exist in the declaration file only). */
function exportedValues() {
  const entry = join(root, 'src', 'index.ts');
  const config = ts.getParsedCommandLineOfConfigFile(join(root, 'tsconfig.build.json'), {}, ts.sys);
  const program = ts.createProgram([entry], config.options);
  const checker = program.getTypeChecker();
  const module = checker.getSymbolAtLocation(program.getSourceFile(entry));
  return checker
    .getExportsOfModule(module)
    .filter((symbol) => {
      const target = symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol;
      return (target.flags & ts.SymbolFlags.Value) !== 0;
    })
    .map((symbol) => symbol.name)
    .sort();
}

const names = exportedValues();
writeFileSync(
  join(root, 'dist', 'index.mjs'),
  `import deepyeast from './index.js';\n\nexport const {\n${names.map((name) => `  ${name},\n`).join('')}} = deepyeast;\n`,
);
writeFileSync(join(root, 'dist', 'index.d.mts'), "export * from './index.js';\n");

const index = join(root, 'dist', 'index.js');
const paths = new Map();
const lazy = readFileSync(index, 'utf8')
  .replace(/^(?:var|const) (\w+) = require\((".*?")\);\n/gm, (_, variable, path) => {
    paths.set(variable, path);
    return '';
  })
  .replace(/return (\w+)\.(\w+);/g, (all, variable, name) =>
    paths.has(variable) ? `return require(${paths.get(variable)}).${name};` : all,
  );
writeFileSync(index, lazy);
