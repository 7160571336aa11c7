/** A small screen: a planted plate with a plate map and an untrained network of small crops. */

import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { defaultNormalization } from '../../src/data/normalization';
import type { RunScreenOptions, ScreenOptions } from '../../src/index';
import { type PlantedPlate, type PlantedPlateOptions, writePlantedPlate } from '../fields/planted-plate';
import { smallNetwork } from '../small-model';
import type { temporaryFolder } from '../temporary-folder';

export const screenClasses = ['er', 'nucleus', 'vacuole'];

export interface PlantedScreen {
  plate: PlantedPlate;
  options<More extends Partial<ScreenOptions & RunScreenOptions>>(out: string, more?: More): ScreenOptions & More;
}

const wells = [1, 2, 3].flatMap((row) => [1, 2].map((column): [number, number] => [row, column]));

/** Six wells of three proteins, two fields each. */
export async function plantScreen(
  folder: ReturnType<typeof temporaryFolder>,
  options: PlantedPlateOptions = {},
): Promise<PlantedScreen> {
  const plate = await writePlantedPlate(folder.path('plate'), { wells, ...options });
  const network = await smallNetwork(screenClasses, { normalization: defaultNormalization });
  await network.save(folder.path('model.safetensors'));
  await network.close();
  const rows = (options.wells ?? wells).map(([row, column]) => {
    const well = `${String.fromCharCode(64 + row)}${column}`;
    return `${well},protein${row},${screenClasses[row % screenClasses.length]}`;
  });
  writeFileSync(folder.path('map.csv'), `well,protein,class\n${rows.join('\n')}\n`);
  return {
    plate,
    options: (out, more) => ({
      sources: [plate.path],
      channels: new Map([
        ['rfp', 'ch3'],
        ['gfp', 'ch1'],
      ]),
      model: folder.path('model.safetensors'),
      plateMap: folder.path('map.csv'),
      diameter: 18,
      out: folder.path(out),
      ...(more as NonNullable<typeof more>),
    }),
  };
}

/** The files of a folder with digests of their bytes; what tells of shards alone is left out. */
export function resultsOf(path: string): Record<string, string> {
  const files: [string, string][] = [];
  const visit = (folder: string) => {
    for (const name of readdirSync(folder).sort()) {
      const file = join(folder, name);
      if (statSync(file).isDirectory()) visit(file);
      else files.push([relative(path, file), createHash('sha256').update(readFileSync(file)).digest('hex')]);
    }
  };
  visit(path);
  return Object.fromEntries(files.filter(([name]) => name !== 'plan.json' && !name.startsWith('shards/')));
}
