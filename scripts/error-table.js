// Writes the table of error codes of docs/errors.md, between its two markers, from dist/errors.js: `npm run docs`.
const { readFileSync, writeFileSync } = require('node:fs');
const { join } = require('node:path');
const { errorTable } = require('../dist/errors.js');

const path = join(__dirname, '..', 'docs', 'errors.md');
const rows = Object.entries(errorTable)
  .sort(([a], [b]) => (a < b ? -1 : 1))
  .map(([code, { exit, remedy }]) => `| \`${code}\` | ${exit} | ${remedy} |`);
const table = ['| code | exit status | what to do |', '| --- | --- | --- |', ...rows].join('\n');
const page = readFileSync(path, 'utf8');
const marked = /(<!-- error codes -->\n)[\s\S]*?(\n<!-- end of error codes -->)/;
if (!marked.test(page)) throw new Error('docs/errors.md has lost the markers of its table of error codes');
writeFileSync(
  path,
  page.replace(marked, (_, begin, end) => begin + table + end),
);
