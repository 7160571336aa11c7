// The built package, through its JavaScript API. The time holds everything from the features to the trained forest:
// binning, growing, the out-of-bag error.
import { readFileSync } from 'node:fs';
import { Forest } from '../../dist/index.mjs';
import { serve, timed } from '../contestants/protocol.js';
import { accuracy, peakMegabytes, readCells } from './cells.js';

const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));

await serve(
  { name: 'deepyeast', version },
  {
    async forest(request) {
      const { rows, testRows, columns, classes, trees, featuresPerSplit, leafSize, seed, threads } = request;
      const { training, test } = readCells(request);
      const names = Array.from({ length: classes }, (_, k) => `class ${k}`);
      let forest;
      const seconds = await timed(async () => {
        forest = await Forest.train({ values: training.values, rows, columns }, training.labels, names, {
          trees,
          featuresPerSplit,
          leafSize,
          seed,
          threads,
        });
      });
      const posteriors = await forest.predict({ values: test.values, rows: testRows, columns });
      const calls = Array.from({ length: testRows }, (_, row) => {
        const votes = posteriors.subarray(row * classes, (row + 1) * classes);
        return votes.indexOf(Math.max(...votes));
      });
      const { outOfBagError } = forest;
      await forest.close();
      return { seconds, accuracy: accuracy(calls, test.labels), outOfBagError, megabytes: peakMegabytes() };
    },
  },
);
