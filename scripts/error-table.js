// Writes the table of error codes of README.md, between its two markers, from dist/errors.js: `npm run docs`.
const { readFileSync, writeFileSync } = require('node:fs');
const { join } = require('node:path');
const { errorTable } = require('../dist/errors.js');

const path = join(__dirname, '..', 'README.md');
const rows = Object.entries(errorTable)
  .sort(([a], [b]) => (a < b ? -1 : 1))
  .map(([code, { exit, remedy }]) => `| \`${code}\` | ${exit} | ${remedy} |`);
const table = ['| code | exit status | what to do |', '| --- | --- | --- |', ...rows].join('\n');
const readme = readFileSync(path, 'utf8');
const marked = /(<!-- error codes -->\n)[\s\S]*?(\n<!-- end of error codes -->)/;
if (!marked.test(readme)) throw new Error('README.md has lost the markers of its table of error codes');
writeFileSync(
  path,
  readme.replace(marked, (_, begin, end) => begin + table + end),
);
