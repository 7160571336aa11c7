// Measures real and simulated fields of view with the same statistics, and prints them side by side.
//
//   npm run measure-fields -- [--seeds 1,2,3] [--diameter 21] [--noise 0.1] [--json FILE]
//
// The real fields have hand-corrected masks; the simulated ones are as large, with as many cells of that diameter. Nothing
// but these numbers passes from the real fields into the simulator.
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { openTiff } from '../../dist/files/tiff/index.js';
import { simulateField } from '../../dist/index.mjs';
import { fieldStatistics, measureField, quantile } from './field-statistics.js';
import { realData } from './real-crops.js';

const { values: options } = parseArgs({
  options: {
    seeds: { type: 'string', default: '1,2,3' },
    diameter: { type: 'string', default: '21' },
    noise: { type: 'string', default: '0.1' },
    json: { type: 'string' },
  },
});

const realFields = ['r01c01f01p01', 'r01c01f02p01'];

async function readPlane(path) {
  const tiff = await openTiff(path);
  try {
    const { width, height } = tiff.pages[0];
    const samples = await tiff.readPlane(0, 0);
    return { width, height, data: samples };
  } finally {
    await tiff.close();
  }
}

async function readReal(name) {
  const folder = join(realData(), 'fields');
  const marker = await readPlane(join(folder, `${name}-ch3sk1fk1fl1.tiff`));
  const labels = await readPlane(join(folder, `${name}_truth.tiff`));
  const [header, ...rows] = (await readFile(join(folder, `${name}_cells.csv`), 'utf8')).trim().split('\n');
  const names = header.trim().split(',');
  const cells = rows.map((row) => {
    const values = Object.fromEntries(
      row
        .trim()
        .split(',')
        .map((value, i) => [names[i], value]),
    );
    const { label, x, y, area, border, bud_of: budOf, flag } = values;
    return { label: +label, x: +x, y: +y, area: +area, border: border === '1', budOf: +budOf, flag };
  });
  return { ...marker, labels: labels.data, cells };
}

function simulated(seed, cells) {
  const { planes, labels, table, width, height } = simulateField({
    seed,
    field: seed,
    plate: seed,
    cells,
    diameter: Number(options.diameter),
    noise: Number(options.noise),
  });
  return { data: planes.rfp.data, labels, cells: table, width, height };
}

const medianOf = (values) => quantile(values, 0.5);
const columns = {};
for (const [index, name] of realFields.entries()) {
  const field = await readReal(name);
  columns[name] = measureField(field);
  const mothers = field.cells.filter(({ budOf }) => !budOf).length;
  const like = options.seeds.split(',').map((seed) => measureField(simulated(Number(seed) + 100 * index, mothers)));
  columns[`simulated like ${name}, median of ${like.length} seeds`] = Object.fromEntries(
    Object.keys(fieldStatistics).map((statistic) => [statistic, medianOf(like.map((measured) => measured[statistic]))]),
  );
}
const names = Object.keys(columns);
for (const [index, name] of names.entries()) console.log(`${String.fromCharCode(65 + index)}: ${name}`);
console.log(`${''.padEnd(18)} ${names.map((_, i) => String.fromCharCode(65 + i).padStart(9)).join('')}`);
for (const [statistic, meaning] of Object.entries(fieldStatistics)) {
  const numbers = names.map((name) => Number(columns[name][statistic].toPrecision(2)));
  console.log(`${statistic.padEnd(18)} ${numbers.map((value) => String(value).padStart(9)).join('')}  ${meaning}`);
}
if (options.json)
  await writeFile(
    options.json,
    `${JSON.stringify({ settings: options, statistics: fieldStatistics, columns }, null, 1)}\n`,
  );
