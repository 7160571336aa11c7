/** A picture of the patches that excite a layer's most informative units: a row a unit, its strongest patches from the left. */
import { join } from 'node:path';
import type { Dataset } from '../data/dataset';
import { cropGrid, encodePng } from '../data/picture';
import { writeFileAtomically } from '../files/atomic-file';
import { betterSummaries, type LayerFindings } from './layer-study';

/** Rows of a sheet of patches: the units that say most of the class. */
const sheetUnits = 24;
const patchSide = 48;
/** Writes patches_<layer>.png into the folder `out`. @throws disk-full, io-error, images-truncated */
export async function writePatchSheet(dataset: Dataset, found: LayerFindings, out: string): Promise<void> {
  const better = betterSummaries(found);
  const units = [...better.keys()]
    .filter((unit) => !better[unit]?.constant)
    .sort((a, b) => (better[b]?.information ?? 0) - (better[a]?.information ?? 0) || a - b)
    .slice(0, sheetUnits);
  const chosen = units.map((unit) => found.patches.filter((patch) => patch.unit === unit));
  const positions = Uint32Array.from(new Set(chosen.flat().map(({ cell }) => cell))).sort();
  const images = await dataset.readImages(positions);
  const bytes = dataset.size * dataset.size * dataset.channels.length;
  const cropOf = new Map(Array.from(positions, (cell, i) => [cell, images.subarray(i * bytes, (i + 1) * bytes)]));
  const picture = cropGrid(
    chosen.map((row) => row.map(({ cell, patch }) => ({ crop: cropOf.get(cell) as Uint8Array, part: patch }))),
    { size: dataset.size, channels: dataset.channels.length, side: patchSide },
  );
  await writeFileAtomically(join(out, `patches_${found.layer}.png`), await encodePng(picture));
}
