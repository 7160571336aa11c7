// A result as text, and as Markdown for the README.
import { median } from './statistics.js';

const cell = (value) => (value === undefined || value === null ? '-' : value);
const number = (value) => (value >= 1000 ? value.toFixed(0) : value.toPrecision(3));

export function table(rows) {
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => row[column].length)));
  return rows
    .map((row) => row.map((text, i) => (i ? text.padStart(widths[i]) : text.padEnd(widths[i]))).join('  '))
    .join('\n');
}

function markdown(rows) {
  const [head, ...body] = rows.map((row) => `| ${row.join(' | ')} |`);
  return [head, `| --- |${' ---: |'.repeat(rows[0].length - 1)}`, ...body].join('\n');
}

const idsOf = ({ imagesPerSecond }) =>
  ['inference.1', 'inference.32', 'inference.100', 'inference.256', 'training.100'].filter((id) =>
    Object.values(imagesPerSecond).some((rates) => rates[id]),
  );

function speedRows(result) {
  const ids = idsOf(result);
  const { imagesPerSecond, memoryMegabytes = {}, failures, once } = result;
  const rate = (name, id) => {
    const rates = imagesPerSecond[name][id];
    if (!rates) return failures[name]?.[id] ? 'failed' : '-';
    return `${number(median(rates))}${once.includes(name) ? '*' : ''}`;
  };
  const memory = (name) => ['inference.100', 'training.100'].map((kind) => String(cell(memoryMegabytes[kind]?.[name])));
  return [
    ['images/s', ...ids, 'MB inference', 'MB training'],
    ...Object.keys(imagesPerSecond).map((name) => [name, ...ids.map((id) => rate(name, id)), ...memory(name)]),
    ...Object.keys(failures)
      .filter((name) => typeof failures[name] === 'string')
      .map((name) => [name, ...ids.map(() => 'failed'), '-', '-']),
  ];
}

function ratioRows(result) {
  const { ratios, worstRounds, avx2Rival } = result;
  const labels = {
    'onnxruntime-node.avx2': `onnxruntime-node, AVX2 only${avx2Rival === 'onnxruntime-node-avx2' ? ' on both sides' : ''}`,
    'onnxruntime-node.avx2-against-all': 'onnxruntime-node, AVX2 against all that it has',
  };
  const ids = idsOf(result);
  const names = [...new Set(Object.keys(ratios).map((key) => key.split('.').slice(2).join('.')))];
  return [
    ['deepyeast against', ...ids],
    ...names.map((name) => [
      labels[name] ?? name,
      ...ids.map((id) => {
        const ratio = ratios[`${id}.${name}`];
        if (ratio === undefined) return '-';
        const worst = worstRounds[`${id}.${name}`];
        return `${ratio.toFixed(2)}${worst === undefined ? '' : ` (${worst.toFixed(2)})`}`;
      }),
    ]),
  ];
}

function barRows(result) {
  return [
    ['bar', 'figure', 'at least', 'aim', ''],
    ...result.bars.map(({ name, value, unit, atLeast, atMost, aim, met }) => [
      name,
      value === null ? 'missing' : `${number(value)} ${unit}`,
      atLeast === undefined ? `at most ${atMost}` : String(atLeast),
      aim === undefined ? '' : String(aim),
      met ? 'met' : 'NOT MET',
    ]),
  ];
}

function machineLine({ machine: { cpu, cores, memoryGigabytes, node, threads }, rounds }) {
  return `${cpu}, ${cores} cores, ${memoryGigabytes} GB, Node ${node}; ${threads} threads; medians of ${rounds} rounds`;
}

export function text(result) {
  const parts = [machineLine(result), table(speedRows(result))];
  if (result.once.length > 0) parts.push('* one image, once, outside the rounds');
  if (result.coldStartSeconds) {
    const starts = Object.entries(result.coldStartSeconds).map(([name, seconds]) => [name, seconds.toFixed(3)]);
    parts.push(table([['start of node to first posterior', 's'], ...starts]));
  }
  if (result.loading) {
    // Results of before sharp and TIFF were measured lack those.
    const { pngImport, sharpUnpack, packedRead, tiffPlanes, deflatePlanes } = result.loading;
    const rows = [
      ['import of PNG crops', pngImport, 'cells'],
      ['the same crops unpacked by sharp alone', sharpUnpack, 'cells'],
      ['images.npy', packedRead, 'cells'],
      ['TIFF of 1080 x 1080 of 16 bits', tiffPlanes, 'planes'],
      ['the same by Deflate', deflatePlanes, 'planes'],
    ].filter(([, value]) => value !== undefined);
    parts.push(
      table([['loading', 'a second'], ...rows.map(([name, value, what]) => [name, `${number(value)} ${what}`])]),
    );
  }
  if (result.layers?.batches) {
    const { peak, batches } = result.layers;
    const [first] = Object.values(batches);
    parts.push(
      `GFLOP/s of the plain algorithm, and share of the multiply-add peak of ${peak.toFixed(0)} GFLOP/s\n${table([
        ['layer', ...Object.keys(batches).flatMap((batch) => [`batch ${batch}`, ''])],
        ...first.map(({ layer }, i) => [
          layer,
          ...Object.values(batches).flatMap((layers) => [
            layers[i].gigaflops.toFixed(0),
            `${(100 * layers[i].share).toFixed(0)}%`,
          ]),
        ]),
      ])}`,
    );
  }
  for (const [name, failure] of Object.entries(result.failures)) {
    if (typeof failure === 'string') parts.push(`${name} failed: ${failure}`);
    else for (const [id, reason] of Object.entries(failure)) parts.push(`${name} failed in ${id}: ${reason}`);
  }
  parts.push(`ratio of medians (worst round)\n${table(ratioRows(result))}`);
  parts.push(table(barRows(result)));
  return parts.join('\n\n');
}

export function markdownOf(result) {
  const versions = Object.entries(result.versions).map(([name, { version }]) => `${name} ${version}`);
  return [
    markdown(speedRows(result)),
    result.once.length > 0 ? '`*`: one image, once, outside the rounds.' : '',
    markdown(ratioRows(result)),
    markdown(barRows(result)),
    `${machineLine(result)}. Versions: ${versions.join(', ')}.`,
  ]
    .filter(Boolean)
    .join('\n\n');
}
