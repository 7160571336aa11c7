import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { runCommand } from '../command-line';
import { sharedData } from '../shared-data';

/** The 877 real crops of three WT2 strains; undefined where they are absent. */
export const crops = sharedData() && join(sharedData()!, 'wt2-cells');

/** Runs `deepyeast ...args`, which must succeed, and returns what it prints. */
export function deepyeast(...args: string[]): string {
  const { status, stdout, stderr } = runCommand(args);
  if (status !== 0) throw new Error(`deepyeast ${args.join(' ')} ended with ${status}:\n${stderr}`);
  return stdout;
}

/** Imports crops that are named as those of the screen; `folder` gets the table of their classes. */
export function importCrops(source: string, folder: string, out: string): void {
  const classes = join(folder, 'proteins.csv');
  writeFileSync(classes, 'protein,class\nAAC1,mitochondrion\nAAH1,cytoplasm\nAAP1,cytoplasm\n');
  deepyeast(
    ...['import', source, '--pattern', '{protein}/{protein}_{field}_rfp_{cell}_{channel}.tif'],
    ...['--channels', 'rfp,gfp', '--classes', classes, '--out', out],
  );
}
