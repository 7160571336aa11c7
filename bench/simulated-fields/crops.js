// Crops of 64 x 64 pixels around the cells of a simulated field, by its truth masks: as `deepyeast cells` cuts them.
import { normalizeImage } from '../../dist/data/intensity.js';
import { defaultNormalization } from '../../dist/data/normalization.js';

const size = 64;

/** The cells that a screen would keep: sure, alive, no bud, with a crop that lies in the field. */
export function wholeCells({ table, width, height }) {
  return table
    .filter(({ flag, budOf, border }) => flag === 'ok' && budOf === 0 && !border)
    .map((cell) => ({ ...cell, left: begin(cell.x), top: begin(cell.y) }))
    .filter(({ left, top }) => left >= 0 && top >= 0 && left + size <= width && top + size <= height);
}

/** A crop begins at round(centre - (size - 1) / 2). */
function begin(centre) {
  return Math.round(centre - (size - 1) / 2);
}

/** [64, 64, 2] bytes: rfp and gfp by the default rule. */
export function cutCrop({ planes, width }, { left, top }) {
  const cut = ({ data }) => {
    const crop = new Uint16Array(size * size);
    for (let row = 0; row < size; row++) {
      const start = (top + row) * width + left;
      crop.set(data.subarray(start, start + size), row * size);
    }
    return crop;
  };
  const image = { width: size, height: size, planes: [cut(planes.rfp), cut(planes.gfp)], sampleType: 'uint16' };
  return normalizeImage(image, defaultNormalization, 'crop').pixels;
}
