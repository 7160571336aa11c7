/** The page around results: one HTML file that needs nothing else, for light and dark screens, keyboards and readers. */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** A column of a table. */
export interface PageColumn {
  title: string;
  /** Numbers are aligned to the right, and sorted as such. */
  numeric?: boolean;
}

/** What is shown, and what it is sorted by where that differs. */
export type PageCell = string | { text: string; value: number | null };

export interface GalleryCell {
  /** Name of its image. */
  image: string;
  caption: string;
  right: boolean;
  /** What a click shows: key of the details. */
  detail: string;
}

/** What a click on a cell of a gallery shows. */
export interface CellDetail {
  cell: string;
  protein: string;
  label: string;
  predicted: string;
  /** By class. */
  posterior: Record<string, number>;
  neighbours: { image: string; label: string }[];
}

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/** Text as HTML. */
export function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => entities[character] as string);
}

/** Text as a paragraph. */
export function paragraph(text: string): string {
  return `<p>${escapeHtml(text)}</p>`;
}

/** A share as a percentage, '-' where it is undefined. */
export function percentText(value: number | null | undefined, digits = 1): string {
  return value === null || value === undefined || Number.isNaN(value) ? '-' : `${(100 * value).toFixed(digits)}%`;
}

/** The same as a cell that sorts by its value. */
export function percentCell(value: number | null | undefined, digits = 1): PageCell {
  const isDefined = value !== null && value !== undefined && !Number.isNaN(value);
  return { text: percentText(value, digits), value: isDefined ? value : null };
}

export function numberCell(value: number | null | undefined, digits = 0): PageCell {
  if (value === null || value === undefined || Number.isNaN(value)) return { text: '-', value: null };
  return { text: value.toFixed(digits), value };
}

/** A table whose columns sort on a click (or a key) on their heading. */
export function tableHtml(
  caption: string,
  columns: readonly PageColumn[],
  rows: readonly (readonly PageCell[])[],
): string {
  const head = columns
    .map(({ title, numeric }) => {
      const kind = numeric ? ' class="n"' : '';
      return `<th scope="col" aria-sort="none"${kind}><button type="button">${escapeHtml(title)}</button></th>`;
    })
    .join('');
  const cell = (value: PageCell, c: number) => {
    const kind = columns[c]?.numeric ? ' class="n"' : '';
    if (typeof value === 'string') return `<td${kind}>${escapeHtml(value)}</td>`;
    return `<td${kind} data-value="${value.value ?? ''}">${escapeHtml(value.text)}</td>`;
  };
  const body = rows.map((row) => `<tr>${row.map(cell).join('')}</tr>`).join('\n');
  return (
    `<div class="scroll" tabindex="0" role="region" aria-label="${escapeHtml(caption)}"><table class="sortable">` +
    `<caption>${escapeHtml(caption)}</caption><thead><tr>${head}</tr></thead>\n<tbody>${body}</tbody></table></div>`
  );
}

/** A drawn figure with its title and description. */
export function figureHtml(title: string, description: string, svg: string): string {
  const labelled = svg.replace('<svg ', `<svg role="img" aria-label="${escapeHtml(description)}" `);
  return `<figure><div class="scroll" tabindex="0" role="region" aria-label="${escapeHtml(title)}">${labelled}</div><figcaption><b>${escapeHtml(title)}.</b> ${escapeHtml(description)}</figcaption></figure>`;
}

/** A picture that is no vector graphic. */
export function pictureHtml(title: string, description: string, uri: string): string {
  return `<figure><img src="${uri}" alt="${escapeHtml(description)}"><figcaption><b>${escapeHtml(title)}.</b> ${escapeHtml(description)}</figcaption></figure>`;
}

/** A row of cells, each a button. */
export function galleryHtml(title: string, cells: readonly GalleryCell[]): string {
  const buttons = cells
    .map(
      ({ image, caption, right, detail }) =>
        `<button type="button" class="cell ${right ? 'right' : 'wrong'}" data-detail="${escapeHtml(detail)}">` +
        `<img data-image="${escapeHtml(image)}" alt="" width="64" height="64"><span>${escapeHtml(caption)}</span></button>`,
    )
    .join('');
  return `<div class="gallery"><h4>${escapeHtml(title)}</h4><div>${buttons}</div></div>`;
}

export interface PageSection {
  id: string;
  title: string;
  html: string;
}

export interface PageContents {
  title: string;
  sections: readonly PageSection[];
  /** Data URIs by name, each once in the page. */
  images: Readonly<Record<string, string>>;
  details: Readonly<Record<string, CellDetail>>;
  /** Whether it shows picture files beside it as well. */
  withFiles?: boolean;
}

/** A file beside this one that goes into every page. */
const asset = (name: string) => readFileSync(join(__dirname, name), 'utf8');

/** The style sheet of every page. */
export function pageStyle(): string {
  return asset('page.css');
}

/** The whole page. */
export function pageHtml({ title, sections, images, details, withFiles = false }: PageContents): string {
  // "<" would let a text end the script early.
  const data = JSON.stringify({ images, details }).replaceAll('<', '\\u003c');
  const links = sections.map(({ id, title: name }) => `<li><a href="#${id}">${escapeHtml(name)}</a></li>`).join('');
  const body = sections
    .map(
      ({ id, title: name, html }) =>
        `<section id="${id}" aria-labelledby="${id}-title"><h2 id="${id}-title">${escapeHtml(name)}</h2>\n${html}</section>`,
    )
    .join('\n');
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src ${withFiles ? "'self' file: data:" : 'data:'}; style-src 'unsafe-inline'; script-src 'unsafe-inline'">
<title>${escapeHtml(title)}</title><link rel="icon" href="data:,"><style>${pageStyle()}</style></head>
<body><a class="skip" href="#summary">Skip to the summary</a>
<header><h1>${escapeHtml(title)}</h1></header><nav aria-label="Sections"><ul>${links}</ul></nav>
<main>${body}</main>
<dialog id="cell-dialog" aria-labelledby="cell-title"><div id="cell-content"></div><form method="dialog"><button>Close</button></form></dialog>
<script type="application/json" id="page-data">${data}</script>
<script>${asset('page-script.js')}</script></body></html>
`;
}
