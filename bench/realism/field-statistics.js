// What the marker of a field of view looks like, in a few numbers, given its masks: the same ones for real and for
// simulated fields. Every number is over the field's own scale: its cells' usual level or their usual diameter.

/** Names of the statistics, with what they mean. A `level` is the 90th percentile of a cell's light over the background. */
export const fieldStatistics = {
  cells: 'labels in the field',
  covered: 'share of the field under labels',
  buds: 'share of the labels that are buds',
  dead: 'share of the labels that are dead',
  unsure: 'share of the labels that are unsure',
  diameter_spread: 'standard deviation of the logarithm of the diameter, cells of more than half the usual area',
  touching: 'share of the cells with another one within a tenth of a diameter',
  level_spread: 'standard deviation of the logarithm of the level, cells of more than half the usual area',
  level_fall: 'median level in the darkest over that in the brightest of the sixteenths of the field',
  background: 'median of the background far from cells, over the usual level',
  background_fall: 'the same in the darkest over that in the brightest of the sixteenths',
  noise: 'pixel noise of the background over the usual level, its correlation taken out',
  noise_correlation: 'correlation of horizontally neighbouring background pixels',
  edge_1: 'median light 1 to 2 pixels outside of an outline, over the usual level',
  edge_2: 'the same 2 to 3 pixels outside',
  edge_4: '4 to 6 pixels outside',
  inside_deviation: 'median over the cells of standard deviation over mean, well inside',
  darkest: 'median over the cells of the darkest light over the level, well inside',
  darkest_5: 'the 5th percentile of it: large vacuoles',
  dead_mean: 'median over the dead cells of the mean light over the usual level',
  dead_mean_high: 'the 90th percentile of it',
  dead_most: 'median over the dead cells of the brightest light over the usual level',
  dead_deviation: 'median over the dead cells of standard deviation over mean',
  unsure_mean: 'median over the unsure labels of the mean light over the usual level',
};

export function quantile(values, part) {
  const sorted = [...values].sort((a, b) => a - b);
  if (sorted.length === 0) return Number.NaN;
  const at = part * (sorted.length - 1);
  const below = Math.floor(at);
  const high = sorted[Math.min(below + 1, sorted.length - 1)];
  return sorted[below] + (high - sorted[below]) * (at - below);
}

const median = (values) => quantile(values, 0.5);

function logDeviation(values) {
  const logs = values.map(Math.log);
  const mean = logs.reduce((a, b) => a + b, 0) / logs.length;
  return Math.sqrt(logs.reduce((sum, value) => sum + (value - mean) ** 2, 0) / logs.length);
}

/** Distance of every pixel outside of the labels to the nearest label, up to `most` pixels. */
function distances(labels, width, height, most) {
  const found = new Float32Array(labels.length).fill(most);
  for (let row = 0; row < height; row++)
    for (let column = 0; column < width; column++) {
      const at = row * width + column;
      if (labels[at] === 0) continue;
      found[at] = 0;
      // Only the edge of a label is near what lies outside.
      const inner = column > 0 && column < width - 1 && row > 0 && row < height - 1;
      if (inner && labels[at - 1] && labels[at + 1] && labels[at - width] && labels[at + width]) continue;
      for (let y = Math.max(0, row - most); y <= Math.min(height - 1, row + most); y++)
        for (let x = Math.max(0, column - most); x <= Math.min(width - 1, column + most); x++) {
          const distance = Math.hypot(x - column, y - row);
          if (distance < found[y * width + x]) found[y * width + x] = distance;
        }
    }
  return found;
}

/** Pixels whose neighbourhood of `reach` pixels to each side has their own label. */
function wellInside(labels, width, at, reach) {
  const column = at % width;
  if (column < reach || column >= width - reach) return false;
  for (let dy = -reach; dy <= reach; dy++)
    for (let dx = -reach; dx <= reach; dx++) if (labels[at + dy * width + dx] !== labels[at]) return false;
  return true;
}

/**
 * The statistics of one field. `cells`: label, area, border, budOf (0: none), flag of every label.
 */
export function measureField({ data, labels, width, height, cells }) {
  const pixelsOf = new Map(cells.map(({ label }) => [label, []]));
  for (let at = 0; at < labels.length; at++) pixelsOf.get(labels[at])?.push(at);
  const ok = cells.filter(({ flag, border }) => flag === 'ok' && !border);
  const usualArea = median(ok.filter(({ budOf }) => !budOf).map(({ area }) => area));
  const diameter = 2 * Math.sqrt(usualArea / Math.PI);
  const away = distances(labels, width, height, Math.ceil(diameter));
  const isFar = (at) => away[at] > 0.7 * diameter;
  const far = [];
  for (let at = 0; at < data.length; at++) if (isFar(at)) far.push(at);
  const background = median(far.map((at) => data[at]));
  const light = (at) => data[at] - background;
  const big = ok.filter(({ area }) => area > 0.5 * usualArea);
  const levels = new Map(big.map(({ label }) => [label, quantile(pixelsOf.get(label).map(light), 0.9)]));
  const level = median(levels.values());
  const sixteenth = (x, y) => Math.floor((4 * y) / height) * 4 + Math.floor((4 * x) / width);
  const fall = (items, place, value, least) => {
    const groups = Array.from({ length: 16 }, () => []);
    for (const item of items) groups[place(item)].push(value(item));
    const medians = groups.filter((group) => group.length >= least).map(median);
    return Math.min(...medians) / Math.max(...medians);
  };
  const { noise, correlation } = measureNoise(data, width, height, isFar);
  const ring = (from, to) => {
    const values = [];
    for (let at = 0; at < data.length; at++) if (away[at] > from && away[at] <= to) values.push(light(at));
    return median(values) / level;
  };
  const reach = Math.max(1, Math.round(0.12 * diameter));
  const insides = big.map(({ label }) => {
    const values = pixelsOf
      .get(label)
      .filter((at) => wellInside(labels, width, at, reach))
      .map(light);
    const mean = values.reduce((a, b) => a + b, 0) / values.length;
    const deviation = Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length);
    return { deviation: deviation / mean, darkest: Math.min(...values) / levels.get(label) };
  });
  const summed = (flag) =>
    cells
      .filter((cell) => cell.flag === flag && pixelsOf.get(cell.label).length > 0)
      .map(({ label }) => {
        const values = pixelsOf.get(label).map(light);
        const mean = values.reduce((a, b) => a + b, 0) / values.length;
        const deviation = Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length);
        return { mean: mean / level, most: Math.max(...values) / level, deviation: deviation / Math.abs(mean) };
      });
  const dead = summed('dead');
  const share = (part) => part.length / cells.length;
  return {
    cells: cells.length,
    covered: cells.reduce((sum, { area }) => sum + area, 0) / labels.length,
    buds: share(cells.filter(({ budOf }) => budOf)),
    dead: share(dead),
    unsure: share(cells.filter(({ flag }) => flag === 'unsure')),
    diameter_spread: logDeviation(big.map(({ area }) => Math.sqrt(area))),
    touching: touching(ok, labels, pixelsOf, width, height, Math.max(1, Math.round(0.1 * diameter))),
    level_spread: logDeviation([...levels.values()]),
    level_fall: fall(
      big,
      ({ x, y }) => sixteenth(x, y),
      ({ label }) => levels.get(label),
      4,
    ),
    background: background / level,
    background_fall: fall(
      far,
      (at) => sixteenth(at % width, Math.floor(at / width)),
      (at) => data[at],
      200,
    ),
    noise: noise / level,
    noise_correlation: correlation,
    edge_1: ring(1, 2),
    edge_2: ring(2, 3),
    edge_4: ring(4, 6),
    inside_deviation: median(insides.map((inside) => inside.deviation)),
    darkest: median(insides.map((inside) => inside.darkest)),
    darkest_5: quantile(
      insides.map((inside) => inside.darkest),
      0.05,
    ),
    dead_mean: median(dead.map(({ mean }) => mean)),
    dead_mean_high: quantile(
      dead.map(({ mean }) => mean),
      0.9,
    ),
    dead_most: median(dead.map(({ most }) => most)),
    dead_deviation: median(dead.map((cell) => cell.deviation)),
    unsure_mean: median(summed('unsure').map(({ mean }) => mean)),
  };
}

/** Deviation and correlation of background pixels about the mean of a square around them, wide against the noise. */
function measureNoise(data, width, height, isFar) {
  const half = 4;
  let [count, square, product] = [0, 0, 0];
  for (let row = half; row < height - half; row += 3)
    for (let column = half; column < width - half - 1; column += 3) {
      const at = row * width + column;
      if (!isFar(at) || !isFar(at + 1)) continue;
      let sum = 0;
      for (let dy = -half; dy <= half; dy++) for (let dx = -half; dx <= half; dx++) sum += data[at + dy * width + dx];
      const mean = sum / (2 * half + 1) ** 2;
      count++;
      square += (data[at] - mean) ** 2;
      product += (data[at] - mean) * (data[at + 1] - mean);
    }
  return { noise: Math.sqrt(square / count), correlation: product / square };
}

function touching(cells, labels, pixelsOf, width, height, reach) {
  const touched = cells.filter(({ label }) =>
    pixelsOf.get(label).some((at) => {
      const [column, row] = [at % width, Math.floor(at / width)];
      for (const [dx, dy] of [
        [reach, 0],
        [-reach, 0],
        [0, reach],
        [0, -reach],
      ]) {
        const [x, y] = [column + dx, row + dy];
        if (x < 0 || y < 0 || x >= width || y >= height) continue;
        const other = labels[y * width + x];
        if (other !== 0 && other !== label) return true;
      }
      return false;
    }),
  );
  return touched.length / cells.length;
}
