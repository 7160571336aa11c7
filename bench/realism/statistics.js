// What a crop looks like, in a few numbers: the same ones for real and for simulated crops, after the intensity rule.

export const size = 64;
const pixels = size * size;

/** Names of the scalar statistics of a crop, with what they mean. */
export const statistics = {
  diameter: 'diameter of the circle with the area of the cell in the middle, pixels (red, half height)',
  aspect: 'longest over shortest radius pair of its outline',
  fill: 'share of the crop above half the height of the cell in the middle (red)',
  red_mean: 'mean of the red channel, 0 to 255',
  red_deviation: 'standard deviation',
  red_skewness: 'skewness',
  green_mean: 'mean of the green channel',
  green_deviation: 'standard deviation',
  green_skewness: 'skewness',
  correlation: 'correlation of the two channels over the crop',
  red_background: 'median of the red pixels far from any cell',
  red_background_noise: 'their standard deviation',
  green_background: 'median of the green pixels there',
  green_background_noise: 'their standard deviation',
  red_noise_correlation: 'correlation of neighbouring red background pixels',
  green_noise_correlation: 'correlation of neighbouring green background pixels',
  red_edge: 'steepest slope between the cell and its surroundings (red), 95th percentile, per pixel',
  red_contrast: 'median red light of the cell in the middle over the background, in deviations of the background noise',
  green_contrast: 'the same of the green light',
  red_ratio: 'red background over the median of the cell in the middle',
  green_ratio: 'the same of the green light',
  red_noise_correlation_2: 'correlation of red background pixels two apart',
  green_noise_correlation_2: 'the same of the green ones',
  red_texture:
    'unevenness of the cytoplasm: deviation of red between blurs of 1 and 3 pixels over its mean, inside the cell',
  green_texture: 'the same of the green light',
  red_darkest: 'darkest red inside the cell (5th percentile, blurred by 1 pixel) over its median: vacuoles',
  green_in_dark: 'green light where red is darkest inside the cell, over the median green of the cell: vacuoles',
  green_haze: 'median green light of the cell over its brightest (99th percentile), both over the background',
  green_dot_contrast: 'brightest spot of green (blurs of 1 less 3 pixels) over the brightest green of the cell',
  green_dot_width: 'sigma of that spot in pixels, from its height after two blurs',
};

/** One channel of an interleaved crop as floats. */
function channelOf(image, offset) {
  return Float64Array.from({ length: pixels }, (_, i) => image[2 * i + offset]);
}

/** Gaussian blur; the borders are repeated. */
function blur(plane, sigma) {
  const radius = Math.ceil(3 * sigma);
  const weights = Array.from({ length: 2 * radius + 1 }, (_, i) => Math.exp((-0.5 * (i - radius) ** 2) / sigma ** 2));
  const total = weights.reduce((a, b) => a + b);
  const pass = (source, stride, lineStride) => {
    const target = new Float64Array(pixels);
    for (let line = 0; line < size; line++)
      for (let i = 0; i < size; i++) {
        let sum = 0;
        for (let k = -radius; k <= radius; k++) {
          const at = Math.max(0, Math.min(size - 1, i + k));
          sum += weights[k + radius] * source[line * lineStride + at * stride];
        }
        target[line * lineStride + i * stride] = sum / total;
      }
    return target;
  };
  return pass(pass(plane, 1, size), size, 1);
}

const mean = (values) => values.reduce((a, b) => a + b, 0) / values.length;
const deviation = (values) => Math.sqrt(mean(values.map((value) => (value - mean(values)) ** 2)));

/** Quantile of unsorted values by linear interpolation. */
export function quantile(values, part) {
  const sorted = Float64Array.from(values).sort();
  const at = part * (sorted.length - 1);
  const below = Math.floor(at);
  const high = sorted[Math.min(below + 1, sorted.length - 1)];
  return sorted[below] + (at - below) * (high - sorted[below]);
}

function moments(plane) {
  const average = mean(plane);
  let second = 0;
  let third = 0;
  for (const value of plane) {
    second += (value - average) ** 2;
    third += (value - average) ** 3;
  }
  const spread = Math.sqrt(second / pixels);
  return { mean: average, deviation: spread, skewness: spread > 0 ? third / pixels / spread ** 3 : 0 };
}

function correlationOf(a, b) {
  const [meanA, meanB] = [mean(a), mean(b)];
  let [ab, aa, bb] = [0, 0, 0];
  for (let i = 0; i < a.length; i++) {
    ab += (a[i] - meanA) * (b[i] - meanB);
    aa += (a[i] - meanA) ** 2;
    bb += (b[i] - meanB) ** 2;
  }
  return aa > 0 && bb > 0 ? ab / Math.sqrt(aa * bb) : 0;
}

/**
 * Outline of the cell in the middle: along 48 rays, where the smoothed red falls below half height or, between touching
 * cells, begins to rise again. Undefined where the middle is dark.
 */
function outline(smooth, threshold) {
  const center = (size - 1) / 2;
  const sample = (x, y) => {
    const [left, top] = [Math.floor(x), Math.floor(y)];
    if (left < 0 || top < 0 || left >= size - 1 || top >= size - 1) return Number.NaN;
    const [u, v] = [x - left, y - top];
    const at = top * size + left;
    const upper = (1 - u) * smooth[at] + u * smooth[at + 1];
    return (1 - v) * upper + v * ((1 - u) * smooth[at + size] + u * smooth[at + size + 1]);
  };
  if (sample(center, center) < threshold) return undefined;
  const rays = 48;
  const radii = Array.from({ length: rays }, (_, i) => {
    const [cos, sin] = [Math.cos((2 * Math.PI * i) / rays), Math.sin((2 * Math.PI * i) / rays)];
    let lowest = Number.POSITIVE_INFINITY;
    let lowestAt = 0;
    for (let radius = 0; radius < 40; radius += 0.25) {
      const value = sample(center + radius * cos, center + radius * sin);
      if (Number.isNaN(value)) return radius;
      if (value < threshold) return radius;
      // Vacuoles are darker too, but not so near to the edge.
      if (radius > 9 && value < lowest) [lowest, lowestAt] = [value, radius];
      if (radius > 9 && value > lowest + 0.12 * threshold && radius - lowestAt > 1) return lowestAt;
    }
    return 40;
  });
  // A ray that ran into a neighbour is an outlier among its own.
  return radii.map((_, i) =>
    quantile(
      Array.from({ length: 7 }, (__, k) => radii[(i + k + rays - 3) % rays]),
      0.5,
    ),
  );
}

/** Scalar statistics of an interleaved crop [64, 64, 2]; null for those that it does not have. */
export function measure(image) {
  const red = channelOf(image, 0);
  const green = channelOf(image, 1);
  const smooth = blur(red, 1.5);
  const dark = quantile(smooth, 0.05);
  const middle = mean([...Array(64).keys()].map((i) => smooth[(28 + (i >> 3)) * size + 28 + (i & 7)]));
  const threshold = dark + 0.5 * (middle - dark);
  const radii = outline(smooth, threshold);
  const result = { diameter: null, aspect: null };
  if (radii) {
    result.diameter = 2 * Math.sqrt(mean(radii.map((radius) => radius ** 2)));
    const widths = radii.slice(0, 24).map((radius, i) => radius + radii[i + 24]);
    result.aspect = Math.max(...widths) / Math.min(...widths);
  }
  result.fill = mean(Array.from(smooth, (value) => (value > threshold ? 1 : 0)));
  for (const [name, plane] of [
    ['red', red],
    ['green', green],
  ])
    for (const [moment, value] of Object.entries(moments(plane))) result[`${name}_${moment}`] = value;
  result.correlation = correlationOf(red, green);
  // Far from any cell: the smoothed red is low in a wide surrounding.
  const wide = blur(red, 4);
  const far = [...Array(pixels).keys()].filter((i) => wide[i] < dark + 0.12 * (middle - dark));
  const isFar = new Set(far);
  const right = far.filter((i) => i % size < size - 1 && isFar.has(i + 1));
  for (const [name, plane] of [
    ['red', red],
    ['green', green],
  ]) {
    const enough = far.length >= 80;
    result[`${name}_background`] = enough
      ? quantile(
          far.map((i) => plane[i]),
          0.5,
        )
      : null;
    result[`${name}_background_noise`] = enough ? deviation(far.map((i) => plane[i])) : null;
    result[`${name}_noise_correlation`] =
      right.length >= 80
        ? correlationOf(
            right.map((i) => plane[i]),
            right.map((i) => plane[i + 1]),
          )
        : null;
  }
  const gentle = blur(red, 1);
  Object.assign(result, insideOf(red, green, gentle, result, far, isFar));
  const slopes = [];
  for (let y = 1; y < size - 1; y++)
    for (let x = 1; x < size - 1; x++) {
      const i = y * size + x;
      if (Math.hypot(x - 31.5, y - 31.5) < (result.diameter ?? 30) / 2 + 4)
        slopes.push(Math.hypot(gentle[i + 1] - gentle[i - 1], gentle[i + size] - gentle[i - size]) / 2);
    }
  result.red_edge = quantile(slopes, 0.95);
  return result;
}

/** Statistics of the light inside the cell in the middle: a disc of its diameter without the outermost tenth. */
function insideOf(red, green, gentleRed, { diameter, red_background, green_background, ...noise }, far, isFar) {
  const names = ['contrast', 'ratio', 'texture'].flatMap((name) => [`red_${name}`, `green_${name}`]);
  const others = ['red_darkest', 'green_in_dark', 'green_haze', 'green_dot_contrast', 'green_dot_width'];
  const result = Object.fromEntries([...names, ...others].map((name) => [name, null]));
  const twoApart = far.filter((i) => i % size < size - 2 && isFar.has(i + 2));
  for (const [name, plane] of [
    ['red', red],
    ['green', green],
  ])
    result[`${name}_noise_correlation_2`] =
      twoApart.length >= 80
        ? correlationOf(
            twoApart.map((i) => plane[i]),
            twoApart.map((i) => plane[i + 2]),
          )
        : null;
  if (diameter === null) return result;
  const inside = [...Array(pixels).keys()].filter(
    (i) => Math.hypot((i % size) - 31.5, Math.floor(i / size) - 31.5) < 0.45 * diameter,
  );
  const gentleGreen = blur(green, 1);
  for (const [name, plane, gentle, background] of [
    ['red', red, gentleRed, red_background],
    ['green', green, gentleGreen, green_background],
  ]) {
    const values = inside.map((i) => plane[i]);
    const coarse = blur(plane, 3);
    result[`${name}_texture`] = deviation(inside.map((i) => gentle[i] - coarse[i])) / Math.max(1, mean(values));
    if (background === null) continue;
    const middle = quantile(values, 0.5);
    result[`${name}_contrast`] = (middle - background) / Math.max(0.5, noise[`${name}_background_noise`]);
    result[`${name}_ratio`] = background / Math.max(1, middle);
  }
  const reds = inside.map((i) => gentleRed[i]);
  const darkest = quantile(reds, 0.05);
  result.red_darkest = darkest / Math.max(1, quantile(reds, 0.5));
  const greens = inside.map((i) => gentleGreen[i]);
  const ofDark = inside.filter((i) => gentleRed[i] <= darkest).map((i) => gentleGreen[i]);
  result.green_in_dark = quantile(ofDark, 0.5) / Math.max(1, quantile(greens, 0.5));
  const floor = green_background ?? quantile(green, 0.05);
  const brightest = quantile(greens, 0.99) - floor;
  if (brightest < 1) return result;
  result.green_haze = (quantile(greens, 0.5) - floor) / brightest;
  const wider = blur(green, 3);
  const heights = inside.map((i) => gentleGreen[i] - wider[i]);
  const spot = inside[heights.indexOf(Math.max(...heights))];
  result.green_dot_contrast = Math.max(...heights) / brightest;
  // A Gaussian spot of variance v and height h has the height h v / (v + b) after a blur of variance b.
  const around = quantile(
    inside.map((i) => wider[i]),
    0.5,
  );
  const [one, two] = [blur(green, 1), blur(green, 2)].map((plane) => plane[spot] - around);
  const ratio = one / Math.max(1e-6, two);
  result.green_dot_width = two > 0 && ratio > 1 ? Math.sqrt(Math.max(0, (4 - ratio) / (ratio - 1))) : null;
  return result;
}

const window = Float64Array.from({ length: size }, (_, i) => 0.5 - 0.5 * Math.cos((2 * Math.PI * i) / (size - 1)));
const [cosines, sines] = [Math.cos, Math.sin].map((f) =>
  Float64Array.from({ length: size }, (_, i) => f((2 * Math.PI * i) / size)),
);

/** Radial power spectrum of both channels: log10 of the mean power at 0 to 32 cycles over the crop, Hann-windowed. */
export function spectra(image) {
  return [0, 1].map((offset) => {
    const plane = channelOf(image, offset);
    const average = mean(plane);
    // Rows first; of the columns only half is needed, the image being real.
    const half = size / 2 + 1;
    const real = new Float64Array(size * half);
    const imaginary = new Float64Array(size * half);
    for (let y = 0; y < size; y++)
      for (let u = 0; u < half; u++) {
        let [a, b] = [0, 0];
        for (let x = 0; x < size; x++) {
          const value = (plane[y * size + x] - average) * window[x] * window[y];
          a += value * cosines[(u * x) & 63];
          b -= value * sines[(u * x) & 63];
        }
        real[y * half + u] = a;
        imaginary[y * half + u] = b;
      }
    const power = new Float64Array(33);
    const count = new Float64Array(33);
    for (let u = 0; u < half; u++)
      for (let v = -size / 2; v < size / 2; v++) {
        const radius = Math.round(Math.hypot(u, v));
        if (radius > 32) continue;
        let [a, b] = [0, 0];
        for (let y = 0; y < size; y++) {
          const [c, s] = [cosines[(v * y) & 63], -sines[(v * y) & 63]];
          a += real[y * half + u] * c - imaginary[y * half + u] * s;
          b += real[y * half + u] * s + imaginary[y * half + u] * c;
        }
        power[radius] += a * a + b * b;
        count[radius]++;
      }
    return Array.from(power, (sum, i) => Math.log10(sum / count[i] + 1e-3));
  });
}

/** Two-sample Kolmogorov-Smirnov distance: 0 alike, 1 apart. */
export function distance(a, b) {
  const [first, second] = [a, b].map((values) => Float64Array.from(values).sort());
  let [i, j, most] = [0, 0, 0];
  while (i < first.length && j < second.length) {
    const at = Math.min(first[i], second[j]);
    while (first[i] <= at) i++;
    while (second[j] <= at) j++;
    most = Math.max(most, Math.abs(i / first.length - j / second.length));
  }
  return most;
}

/** Wilson's 95% interval of a share. */
export function wilson(correct, count) {
  if (count === 0) return [0, 1];
  const z = 1.959964;
  const share = correct / count;
  const middle = (share + z ** 2 / (2 * count)) / (1 + z ** 2 / count);
  const half = (z / (1 + z ** 2 / count)) * Math.sqrt((share * (1 - share)) / count + z ** 2 / (4 * count ** 2));
  return [Math.max(0, middle - half), Math.min(1, middle + half)];
}

/** A share as text. */
export const percent = (share) => `${(100 * share).toFixed(1)}%`;
