/** A figure: rows of a table and a Vega-Lite specification over them; drawn as SVG, PNG and CSV when it is built. */
import { join } from 'node:path';
import { writeFileAtomically } from '../files/atomic-file';
import { type TableRecord, writeRecords } from '../files/record-table';

export interface Figure {
  /** Name of its files: lower case, hyphens. */
  name: string;
  title: string;
  /** What is to be seen, for those who do not see it. */
  description: string;
  rows: TableRecord[];
  /** Vega-Lite, without data, title and configuration. */
  spec: Readonly<Record<string, unknown>>;
  /** Drawn into the folder only: the page has to stay light. */
  folderOnly?: boolean;
}

export interface DrawnFigure {
  figure: Figure;
  /** With text in the colour of its surroundings, so that one drawing serves a light and a dark page. */
  svg: string;
}

/** Told apart by eye on white and on black, also with a deficiency of colour vision as far as twelve can be. */
export const classColours = [
  ...['#4477aa', '#ee6677', '#228833', '#ccbb44', '#66ccee', '#aa3377'],
  ...['#bbbbbb', '#ee8866', '#44bb99', '#997700', '#9988dd', '#dd6600'],
] as const;

const ink = 'currentColor';

/** One look for all figures. */
const configuration = {
  background: null,
  // The figure has a description; one for each of a thousand points would be read out in vain.
  aria: false,
  font: 'system-ui, sans-serif',
  view: { stroke: null },
  axis: { labelColor: ink, titleColor: ink, domainColor: ink, tickColor: ink, gridColor: ink, gridOpacity: 0.12 },
  legend: { labelColor: ink, titleColor: ink, symbolLimit: 40, labelLimit: 200 },
  header: { labelColor: ink, titleColor: ink },
  title: { color: ink },
  text: { color: ink },
  range: { category: [...classColours] },
};

/** Draws a figure. Vega is loaded when the first is drawn. */
export async function drawFigure(figure: Figure): Promise<DrawnFigure> {
  const [vega, { compile }] = await Promise.all([import('vega'), import('vega-lite')]);
  const { spec } = compile({
    $schema: 'https://vega.github.io/schema/vega-lite/v6.json',
    description: figure.description,
    config: configuration,
    data: { values: marked(figure.rows) },
    ...(marked(figure.spec) as object),
  } as never);
  const view = new vega.View(vega.parse(spec), { renderer: 'none' });
  try {
    return { figure, svg: withShortNumbers(drawable(await view.toSVG())) };
  } finally {
    view.finalize();
  }
}

/** Word joiner: takes no room and begins no name of JavaScript's. */
const mark = '\u2060';

/**
 * Vega keeps domains and groups in ordinary objects by the text of a value: a class named `constructor` would be found
 * there without ever having been put in. Such texts are marked before they are drawn, wherever they stand in a value.
 */
function marked(value: unknown): unknown {
  if (typeof value === 'string') return value in Object.prototype ? `${mark}${value}` : value;
  if (Array.isArray(value)) return value.map(marked);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, marked(item)]));
}

/** Without the marks, and without characters that XML cannot hold: names of people may have any. */
function drawable(svg: string): string {
  return svg.replaceAll(mark, '').replace(notOfXml, '\ufffd');
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: these are the ones that are meant
const notOfXml = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff\p{Cs}]/gu;

/** Coordinates to a hundredth of a pixel: half the bytes. */
function withShortNumbers(svg: string): string {
  return svg.replace(/ (?:transform|d|x|y|x1|x2|y1|y2|width|height)="[^"]*"/g, (attribute) =>
    attribute.replace(/(\.\d\d)\d+/g, '$1'),
  );
}

const pngDensity = 192;

/** Writes <name>.svg, <name>.png (black on white) and <name>.csv of every figure into a folder; returns their names. */
export async function writeFigures(folder: string, drawn: readonly DrawnFigure[]): Promise<string[]> {
  const { default: sharp } = await import('sharp');
  const files: string[] = [];
  for (const { figure, svg } of drawn) {
    const path = (ending: string) => join(folder, `${figure.name}.${ending}`);
    const alone = svg.replaceAll(ink, '#000000');
    await writeFileAtomically(path('svg'), `${alone}\n`);
    const png = await sharp(Buffer.from(alone), { density: pngDensity })
      .flatten({ background: '#ffffff' })
      .png()
      .toBuffer();
    await writeFileAtomically(path('png'), png);
    await writeRecords(path('csv'), figure.rows);
    files.push(...['svg', 'png', 'csv'].map((ending) => `${figure.name}.${ending}`));
  }
  return files;
}
