// Colours that are told apart with a deficiency of colour vision as well.

/** Of classes (Paul Tol's bright scheme, and six more); a class also has letters, and can be shown alone. */
const classColours = [
  ...['#4477aa', '#ee6677', '#228833', '#ccbb44', '#66ccee', '#aa3377'],
  ...['#bbbbbb', '#ee8866', '#44bb99', '#997700', '#9988dd', '#dd6600'],
];

exports.classColour = (index) => classColours[index % classColours.length];

/** Of quantities: cividis (Nunez, Anderton and Renslow, 2018), which grows evenly lighter. */
const scale = [
  [0, 32, 77],
  [65, 77, 107],
  [124, 123, 120],
  [187, 175, 113],
  [255, 234, 70],
];

/** @param share 0 to 1 */
exports.scaleColour = (share) => {
  const at = Math.min(Math.max(share, 0), 1) * (scale.length - 1);
  const low = Math.min(Math.floor(at), scale.length - 2);
  const mixed = scale[low].map((value, i) => Math.round(value + (at - low) * (scale[low + 1][i] - value)));
  return `#${mixed.map((value) => value.toString(16).padStart(2, '0')).join('')}`;
};

/** The whole scale, as a background. */
exports.scaleGradient = `linear-gradient(to right, ${scale.map((colour) => `rgb(${colour.join(',')})`).join(', ')})`;

/** Black or white, whichever is easier to read on a colour. */
exports.inkOn = (colour) => {
  const linear = [1, 3, 5].map((start) => {
    const value = Number.parseInt(colour.slice(start, start + 2), 16) / 255;
    return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  });
  const luminance = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2];
  return luminance > 0.179 ? '#000' : '#fff';
};

/** The shortest beginnings, of two letters at least, by which the classes are told apart; numbers where names do not. */
exports.classLetters = (classes) => {
  for (let length = 2; length <= 3; length++) {
    const letters = classes.map((name) => Array.from(name).slice(0, length).join(''));
    if (new Set(letters).size === classes.length) return letters;
  }
  return classes.map((_, index) => String(index + 1));
};
