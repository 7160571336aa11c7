// Copies what pages are made of (style sheets, scripts of the browser) from src to the same places in dist: the compiler
// takes TypeScript alone.
const { cpSync, readdirSync } = require('node:fs');
const { join } = require('node:path');

const root = join(__dirname, '..');
for (const name of readdirSync(join(root, 'src'), { recursive: true })) {
  if (/\.(css|js)$/.test(name)) cpSync(join(root, 'src', name), join(root, 'dist', name));
}
