// The figure of measure.js: for every statistic the quantiles of real and simulated crops, with their distance.

const row = { height: 22, label: 190, width: 360 };
const colours = { real: '#c1440e', simulated: '#1f6fb2' };

/** A bar from the 5th to the 95th percentile, thicker between the quartiles, with the median marked. */
function bar(quantiles, toX, y, colour) {
  const [p5, p25, p50, p75, p95] = quantiles.map(toX);
  return (
    `<line x1="${p5}" x2="${p95}" y1="${y}" y2="${y}" stroke="${colour}" stroke-width="1.5"/>` +
    `<line x1="${p25}" x2="${p75}" y1="${y}" y2="${y}" stroke="${colour}" stroke-width="5"/>` +
    `<circle cx="${p50}" cy="${y}" r="3.5" fill="white" stroke="${colour}" stroke-width="1.5"/>`
  );
}

function text(x, y, content, more = '') {
  return `<text x="${x}" y="${y}" font-family="sans-serif" font-size="11" ${more}>${content}</text>`;
}

function scalarPanel(name, group, top, statistics) {
  const shapes = [
    text(
      10,
      top,
      `${name}: ${group.real} real (upper) and ${group.simulated} simulated crops (lower); distance`,
      'font-weight="bold"',
    ),
  ];
  for (const [i, statistic] of Object.keys(statistics).entries()) {
    const { real, simulated, distance } = group.scalars[statistic];
    const y = top + 20 + i * row.height;
    const low = Math.min(real[0], simulated[0]);
    const range = Math.max(real[4], simulated[4]) - low || 1;
    const toX = (value) => (row.label + (row.width * (value - low)) / range).toFixed(1);
    shapes.push(text(10, y + 4, statistic.replaceAll('_', ' ')));
    shapes.push(bar(real, toX, y - 4, colours.real), bar(simulated, toX, y + 4, colours.simulated));
    shapes.push(text(row.label + row.width + 15, y + 4, distance.toFixed(2)));
  }
  return shapes.join('\n');
}

function spectrumPanel(title, rows, left, top) {
  const [width, height] = [250, 180];
  const values = rows.slice(1).flatMap(({ real, simulated }) => [...real, ...simulated]);
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const toX = (frequency) => left + (width * (frequency - 1)) / 31;
  const toY = (value) => top + height - (height * (value - low)) / (high - low);
  const points = (which, part) =>
    rows.slice(1).map((each, i) => `${toX(i + 1).toFixed(1)},${toY(each[which][part]).toFixed(1)}`);
  const shapes = [text(left, top - 6, title, 'font-weight="bold"')];
  for (const which of ['real', 'simulated']) {
    const band = [...points(which, 0), ...points(which, 4).reverse()].join(' ');
    shapes.push(`<polygon points="${band}" fill="${colours[which]}" fill-opacity="0.15"/>`);
    shapes.push(
      `<polyline points="${points(which, 2).join(' ')}" fill="none" stroke="${colours[which]}" stroke-width="1.5"/>`,
    );
  }
  const average = rows.slice(1).reduce((sum, { distance }) => sum + distance, 0) / (rows.length - 1);
  shapes.push(text(left + 120, top + 14, `mean distance ${average.toFixed(2)}`));
  return shapes.join('\n');
}

/** The whole figure as SVG. */
export function drawFigure(report, statistics) {
  const panelHeight = Object.keys(statistics).length * row.height + 50;
  const shapes = [];
  let top = 30;
  for (const [name, group] of Object.entries(report.groups)) {
    shapes.push(scalarPanel(name, group, top, statistics));
    top += panelHeight;
  }
  top += 10;
  for (const [name, group] of Object.entries(report.groups)) {
    shapes.push(spectrumPanel(`${name}, red: log10 power by cycles over the crop`, group.spectrum.red, 10, top));
    shapes.push(spectrumPanel(`${name}, green`, group.spectrum.green, 330, top));
    top += 220;
  }
  return (
    `<svg xmlns="http://www.w3.org/2000/svg" width="640" height="${top}">\n<rect width="100%" height="100%" fill="white"/>\n` +
    `${text(430, 16, 'real', `fill="${colours.real}"`)}${text(470, 16, 'simulated', `fill="${colours.simulated}"`)}\n` +
    `${shapes.join('\n')}\n</svg>\n`
  );
}
