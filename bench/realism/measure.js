// Measures real and simulated crops with the same statistics, and draws how far apart they are.
//
//   npm run measure -- [--out FOLDER] [--cells 6000] [--seed 1] [--appearance crop]
//
// Two groups of a screen's crops, with the simulated cells of the same compartments; the cells of two fields of a strain without
// a tagged protein, beside simulated cytoplasm; and the twelve cells of a figure with simulated ones of all classes that were
// enlarged, smoothed and stretched in the same way (`appearance: 'figure'`). --appearance varied compares with those of many
// microscopes instead.
// Writes measurements.json (quantiles of both, a distance for each) and measurements.svg.
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { compartments, simulate } from '../../dist/index.mjs';
import { drawFigure } from './figure.js';
import { cropsOf, importFields, importFigure, importScreen, realData } from './real-crops.js';
import { distance, measure, quantile, spectra, statistics } from './statistics.js';

const { values: options } = parseArgs({
  options: {
    out: { type: 'string', default: '.' },
    cells: { type: 'string', default: '6000' },
    seed: { type: 'string', default: '1' },
    appearance: { type: 'string', default: 'crop' },
  },
});

const parts = [0.05, 0.25, 0.5, 0.75, 0.95];
const quantiles = (values) => parts.map((part) => Number(quantile(values, part).toFixed(3)));
const present = (values) => values.filter((value) => value !== null);

/** Statistics and spectra of crops, by strain or class. */
function measureAll(crops) {
  return { scalars: crops.map(measure), spectra: crops.map(spectra) };
}

const folder = await mkdtemp(join(tmpdir(), 'deepyeast-realism-'));
try {
  const screen = await importScreen(folder);
  const realTable = await screen.table();
  const realCrops = await cropsOf(screen);
  const simulateCells = async (name, appearance, cells) => {
    const { train } = await simulate({
      out: join(folder, name),
      cells,
      seed: Number(options.seed),
      nonCells: 0,
      appearance,
    });
    return { crops: await cropsOf(train), table: await train.table() };
  };
  const drawn = await simulateCells('crops', options.appearance, Number(options.cells));
  const printed = await simulateCells('figure-like', 'figure', Number(options.cells) / 4);
  const pick = ({ crops, table }, holds) => crops.filter((_, i) => holds(table[i]));
  const real = { crops: realCrops, table: realTable };
  const looksLike = (name) => (cell) => cell.label === compartments.indexOf(name) && cell.looks === '';
  const groups = {
    mitochondrion: [pick(real, ({ protein }) => protein === 'AAC1'), pick(drawn, looksLike('mitochondrion'))],
    cytoplasm: [pick(real, ({ protein }) => protein !== 'AAC1'), pick(drawn, looksLike('cytoplasm'))],
    // A strain without a tagged protein, beside the cells that are nearest to it: green is autofluorescence alone.
    autofluorescence: [await cropsOf(await importFields(folder)), pick(drawn, looksLike('cytoplasm'))],
    // Their bytes as they are: the simulated ones are stretched for print as well, and by no rule after it.
    figure: [await cropsOf(await importFigure(folder, true)), printed.crops],
  };
  const report = { parts, groups: {}, labelLists: await countLists() };
  for (const [name, [crops, rivals]] of Object.entries(groups)) {
    const [measured, simulated] = [measureAll(crops), measureAll(rivals)];
    const scalars = {};
    for (const statistic of Object.keys(statistics)) {
      const [a, b] = [measured, simulated].map(({ scalars: all }) => present(all.map((cell) => cell[statistic])));
      scalars[statistic] = { real: quantiles(a), simulated: quantiles(b), distance: Number(distance(a, b).toFixed(3)) };
    }
    const spectrum = {};
    for (const [channel, colour] of ['red', 'green'].entries())
      spectrum[colour] = Array.from({ length: 33 }, (_, frequency) => {
        const [a, b] = [measured, simulated].map(({ spectra: all }) => all.map((cell) => cell[channel][frequency]));
        return { real: quantiles(a), simulated: quantiles(b), distance: Number(distance(a, b).toFixed(3)) };
      });
    report.groups[name] = { real: crops.length, simulated: rivals.length, scalars, spectrum };
    console.log(`${name}: ${crops.length} real, ${rivals.length} simulated crops; quantiles ${parts.join(', ')}`);
    for (const [statistic, { real: a, simulated: b, distance: d }] of Object.entries(scalars))
      console.log(`  ${statistic.padEnd(24)} ${d.toFixed(2)}  real ${a.join(' ')}  simulated ${b.join(' ')}`);
    for (const [colour, rows] of Object.entries(spectrum)) {
      const distances = rows.slice(1).map((row) => row.distance);
      console.log(
        `  ${`${colour} spectrum`.padEnd(24)} mean distance ${(distances.reduce((x, y) => x + y) / 32).toFixed(2)}`,
      );
    }
  }
  await mkdir(options.out, { recursive: true });
  await writeFile(join(options.out, 'measurements.json'), `${JSON.stringify(report, null, 1)}\n`);
  await writeFile(join(options.out, 'measurements.svg'), drawFigure(report, statistics));
} finally {
  await rm(folder, { recursive: true, force: true });
}

/** Cells and wells of every class over the three real label lists, and over those of the transfer task. */
async function countLists() {
  const counts = {};
  for (const [task, prefix] of [
    ['classes', 'HOwt'],
    ['transfer', 'HOwt_transfer'],
  ]) {
    const cells = {};
    const wells = {};
    for (const part of ['train', 'val', 'test']) {
      const text = await readFile(join(realData(), 'deepyeast-labels', `${prefix}_${part}.txt`), 'utf8');
      for (const line of text.trim().split('\n')) {
        const [path, label] = line.split(' ');
        cells[label] = (cells[label] ?? 0) + 1;
        wells[label] ??= new Set();
        wells[label].add(path.split('-')[0]);
      }
    }
    counts[task] = Object.keys(cells).map((label) => ({ label, cells: cells[label], proteins: wells[label].size }));
  }
  return counts;
}
