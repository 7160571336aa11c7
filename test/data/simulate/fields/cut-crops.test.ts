import { expect, test } from 'vitest';
import { compartments } from '../../../../src/data/compartments';
import { normalizeImage } from '../../../../src/data/intensity';
import { defaultNormalization } from '../../../../src/data/normalization';
import { drawCell } from '../../../../src/data/simulate/cell';
import { fieldTraits, plateTraits, proteinTraits } from '../../../../src/data/simulate/traits';
import { type CameraPlane, type SimulatedField, simulateField } from '../../../../src/index';

const size = 64;
const seed = 31;

/** The crops of a field's whole, good mother cells: [64, 64, 2] bytes by the default rule. */
function cutCrops({ planes, table, width, height }: SimulatedField): Uint8Array[] {
  return table
    .filter(({ flag, budOf }) => flag === 'ok' && budOf === 0)
    .map(({ x, y }) => ({ left: Math.round(x - (size - 1) / 2), top: Math.round(y - (size - 1) / 2) }))
    .filter(({ left, top }) => left >= 0 && top >= 0 && left + size <= width && top + size <= height)
    .map(({ left, top }) => {
      const cut = ({ data }: CameraPlane) => {
        const crop = new Uint16Array(size * size);
        for (let row = 0; row < size; row++)
          crop.set(data.subarray((top + row) * width + left, (top + row) * width + left + size), row * size);
        return crop;
      };
      const raw = { width: size, height: size, planes: [cut(planes.rfp), cut(planes.gfp)], eightBit: false };
      return normalizeImage({ ...raw, sampleType: '16-bit' }, defaultNormalization, 'crop').pixels;
    });
}

/** Mean and standard deviation of both channels, over the whole crop and over its middle. */
function momentsOf(crop: Uint8Array): number[] {
  const moments: number[] = [];
  for (const channel of [0, 1])
    for (const half of [32, 8]) {
      const values: number[] = [];
      for (let row = 32 - half; row < 32 + half; row++)
        for (let column = 32 - half; column < 32 + half; column++)
          values.push(crop[(row * size + column) * 2 + channel] as number);
      const mean = values.reduce((a, b) => a + b, 0) / values.length;
      const square = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length;
      moments.push(mean, Math.sqrt(square));
    }
  return moments;
}

// What the network makes of both is measured by `npm run parity` in bench/.
test('crops cut from fields have the moments of drawn crops of the same proteins, plates and fields', () => {
  const cut: number[][] = [];
  const drawn: number[][] = [];
  for (let index = 0; index < 24; index++) {
    const compartment = compartments[index % compartments.length] as (typeof compartments)[number];
    const field = simulateField({ seed, field: index, plate: index, protein: index, compartment, size: 240 });
    for (const [i, crop] of cutCrops(field).entries()) {
      cut.push(momentsOf(crop));
      const { image } = drawCell({
        seed,
        index: 1000 * index + i,
        compartment,
        protein: proteinTraits(seed, index),
        plate: plateTraits(seed, index),
        field: fieldTraits(seed, index),
        difficulty: 'paper',
        nonCells: 0,
        classes: compartments,
        appearance: 'crop',
      });
      drawn.push(momentsOf(image));
    }
  }
  expect(cut.length).toBeGreaterThan(90);
  const means = (all: number[][]) =>
    (all[0] as number[]).map((_, i) => all.reduce((sum, moments) => sum + (moments[i] as number), 0) / all.length);
  const [ofCut, ofDrawn] = [means(cut), means(drawn)];
  for (const [i, value] of ofCut.entries()) {
    expect(value / (ofDrawn[i] as number), `moment ${i}`).toBeGreaterThan(0.85);
    expect(value / (ofDrawn[i] as number), `moment ${i}`).toBeLessThan(1.15);
  }
});
