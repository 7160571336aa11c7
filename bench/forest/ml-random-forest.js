// npm's ml-random-forest: pure JavaScript; draws its features once a tree.
import { createRequire } from 'node:module';
import { RandomForestClassifier } from 'ml-random-forest';
import { serve, timed } from '../contestants/protocol.js';
import { accuracy, peakMegabytes, readCells } from './cells.js';

const { version } = createRequire(import.meta.url)('ml-random-forest/package.json');
const rowsOf = (values, columns) =>
  Array.from({ length: values.length / columns }, (_, row) =>
    Array.from(values.subarray(row * columns, (row + 1) * columns)),
  );

await serve(
  { name: 'ml-random-forest', version },
  {
    async forest(request) {
      const { columns, trees, featuresPerSplit, seed } = request;
      const { training, test } = readCells(request);
      const forest = new RandomForestClassifier({
        nEstimators: trees,
        maxFeatures: featuresPerSplit,
        replacement: true,
        useSampleBagging: true,
        noOOB: true,
        seed,
      });
      const rows = rowsOf(training.values, columns);
      const labels = Array.from(training.labels);
      const seconds = await timed(() => forest.train(rows, labels));
      const calls = forest.predict(rowsOf(test.values, columns));
      return { seconds, accuracy: accuracy(calls, test.labels), megabytes: peakMegabytes() };
    },
  },
);
