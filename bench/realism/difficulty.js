// How hard the default simulated screen is, at a size that two cores manage: 8,000 training cells, a stated budget.
//
//   npm run difficulty -- [--seeds 1,2,3] [--iterations 5000] [--difficulty paper] [--threads 2]
//
// Prints, for each seed, the held-out accuracy per cell and per protein, the eight commonest confusions with those of the
// paper marked, what brightness alone tells, and the ceiling: the share of held-out cells that are good ones and look
// like their label.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { intensityBaseline, simulate } from '../../dist/index.mjs';
import { percent } from './statistics.js';
import { recipeOf, trainOn } from './training.js';

const { values: options } = parseArgs({
  options: {
    seeds: { type: 'string', default: '1,2,3' },
    iterations: { type: 'string', default: '5000' },
    difficulty: { type: 'string', default: 'paper' },
    threads: { type: 'string', default: '2' },
  },
});
const threads = Number(options.threads);

/** 72% of them are for training. */
const cells = 11112;
const recipe = recipeOf(Number(options.iterations));

/** True class to called class, as the paper's network confuses them. */
const ofThePaper = new Set([
  'peroxisome to spindle pole',
  'endosome to vacuole',
  'nucleolus to nucleus',
  'nucleus to nucleolus',
  'golgi to endosome',
  'er to nuclear periphery',
]);

/** The commonest confusions of a report by their number of cells. */
function commonestConfusions({ classes, counts }) {
  const all = counts.flatMap((row, label) =>
    row.map((count, call) => ({ count: label === call ? 0 : count, name: `${classes[label]} to ${classes[call]}` })),
  );
  return all.sort((a, b) => b.count - a.count).slice(0, 8);
}

const folder = await mkdtemp(join(tmpdir(), 'deepyeast-difficulty-'));
try {
  for (const seed of options.seeds.split(',').map(Number)) {
    const out = join(folder, `screen-${seed}`);
    const screen = await simulate({ out, cells, seed, difficulty: options.difficulty, threads });
    const { train: training, test } = screen;
    const report = await trainOn(screen, { recipe, seed, threads, run: join(folder, `run-${seed}`) });
    const baseline = await intensityBaseline(training, test);
    const faithful = (await test.table()).filter(
      ({ label, truth, looks, quality }) => truth === test.classes[label] && looks === '' && quality === 'cell',
    ).length;
    const gap = 100 * (report.proteins.accuracy - report.cells.accuracy);
    const confusions = commonestConfusions(report.confusion);
    console.log(
      `seed ${seed}: ${training.count} training cells, ${recipe.iterations} iterations of ${recipe.batchSize}; ` +
        `cells ${percent(report.cells.accuracy)}, proteins ${percent(report.proteins.accuracy)} (${gap.toFixed(1)} points more), ` +
        `brightness alone ${percent(baseline.accuracy)}, ${percent(faithful / test.count)} are good cells that look like their label`,
    );
    for (const { name, count } of confusions) console.log(`  ${ofThePaper.has(name) ? '*' : ' '} ${name} ${count}`);
    console.log(`  ${confusions.filter(({ name }) => ofThePaper.has(name)).length} of 8 are the paper's (*)`);
  }
} finally {
  await rm(folder, { recursive: true, force: true });
}
