// The built package, from fields to a dataset: one plate a request.
import { readFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { cellsOfPlates } from '../../dist/index.mjs';
import { serve, timed } from '../contestants/protocol.js';

const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));

await serve(
  { name: 'deepyeast', version },
  {
    async plate({ plate, out, channels, diameter, threads }) {
      let result;
      const seconds = await timed(async () => {
        const roles = new Map(Object.entries(channels));
        result = await cellsOfPlates({ sources: [plate], channels: roles, diameter, threads, out });
      });
      const { fields, dataset } = result;
      const cells = dataset.count;
      await dataset.close?.();
      await rm(out, { recursive: true, force: true });
      return { seconds, fields, cells };
    },
  },
);
