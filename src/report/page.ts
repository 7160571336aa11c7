/** The page around results: one HTML file that needs nothing else, for light and dark screens, keyboards and readers. */

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

/** A share as a percentage that sorts by its value. */
export function percentCell(value: number | null | undefined, digits = 1): PageCell {
  if (value === null || value === undefined || Number.isNaN(value)) return { text: '-', value: null };
  return { text: `${(100 * value).toFixed(digits)}%`, value };
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
}

const style = `
:root{color-scheme:light dark;--ink:#1b1f24;--paper:#fff;--soft:#f3f4f6;--line:#d0d4da;--accent:#2458a6;--bad:#b3261e;--good:#1d7a3c}
@media(prefers-color-scheme:dark){:root{--ink:#e6e8eb;--paper:#15181c;--soft:#20252b;--line:#3a4049;--accent:#8ab4f8;--bad:#ff8a80;--good:#7bd88f}}
*{box-sizing:border-box}body{margin:0;font:16px/1.5 system-ui,sans-serif;color:var(--ink);background:var(--paper)}
main,header,nav{max-width:60rem;margin:0 auto;padding:0 1rem}a{color:var(--accent)}
.skip{position:absolute;left:-99rem}.skip:focus{left:1rem}
nav ul{display:flex;flex-wrap:wrap;gap:.2rem 1rem;padding:0;list-style:none}
h2{margin-top:2.5rem;border-bottom:1px solid var(--line)}h4{margin:.8rem 0 .3rem}
figure{margin:1.2rem 0}figcaption,caption{font-size:.9rem;text-align:left;padding:.3rem 0}
.scroll{overflow-x:auto;max-height:32rem;overflow-y:auto}svg,figure img{max-width:100%;height:auto}
table{border-collapse:collapse;font-size:.9rem;font-variant-numeric:tabular-nums}
td{overflow-wrap:anywhere}th,td{padding:.2rem .6rem;border-bottom:1px solid var(--line);text-align:left}.n{text-align:right}
th{position:sticky;top:0;background:var(--soft)}th button{all:unset;cursor:pointer;font-weight:600}
th[aria-sort=ascending] button::after{content:" \\25b2"}th[aria-sort=descending] button::after{content:" \\25bc"}
button:focus-visible,.scroll:focus-visible,a:focus-visible,th button:focus-visible{outline:2px solid var(--accent);outline-offset:1px}
.numbers{display:flex;flex-wrap:wrap;gap:.6rem;padding:0;margin:1rem 0}
.numbers div{background:var(--soft);border-radius:.4rem;padding:.5rem .9rem}.numbers dt{font-size:.85rem}.numbers dd{margin:0;font-size:1.4rem;font-weight:600}
.gallery>div{display:flex;flex-wrap:wrap;gap:.3rem}.cell{border:2px solid var(--line);border-radius:.3rem;padding:.15rem;background:var(--soft);color:inherit;font:inherit;font-size:.7rem;width:76px;cursor:pointer}
.cell img{display:block;margin:auto;image-rendering:pixelated}.cell.wrong{border-color:var(--bad)}.cell.right{border-color:var(--good)}.cell span{display:block;overflow-wrap:anywhere}
dialog{color:var(--ink);background:var(--paper);border:1px solid var(--line);border-radius:.5rem;max-width:34rem;width:calc(100% - 2rem)}
dialog img{image-rendering:pixelated}dialog .bars{display:grid;grid-template-columns:max-content 1fr max-content;gap:.15rem .6rem;align-items:center;font-size:.9rem}
dialog .bar{background:var(--accent);height:.7rem;border-radius:.2rem;min-width:1px}.near{display:flex;gap:.4rem;flex-wrap:wrap;font-size:.75rem}
@media print{nav,.skip{display:none}.scroll{max-height:none}}
`;

/** Sorting, galleries and the dialog. Plain DOM; runs once. */
const script = `
const page = JSON.parse(document.getElementById('page-data').textContent);
for (const image of document.querySelectorAll('img[data-image]')) image.src = page.images[image.dataset.image];
for (const table of document.querySelectorAll('table.sortable')) {
  const heads = [...table.querySelectorAll('th')];
  heads.forEach((head, column) => head.querySelector('button').addEventListener('click', () => {
    const up = head.getAttribute('aria-sort') !== 'ascending';
    for (const other of heads) other.setAttribute('aria-sort', other === head ? (up ? 'ascending' : 'descending') : 'none');
    const body = table.tBodies[0];
    const key = (row) => {
      const cell = row.cells[column];
      if (cell.dataset.value === undefined) return cell.textContent;
      return cell.dataset.value === '' ? null : Number(cell.dataset.value);
    };
    const compare = (a, b) => {
      const [x, y] = [key(a), key(b)];
      if (x === null || y === null) return (x === null) - (y === null);
      const order = typeof x === 'number' ? x - y : x.localeCompare(y, 'en', { numeric: true });
      return up ? order : -order;
    };
    body.append(...[...body.rows].sort(compare));
  }));
}
const dialog = document.getElementById('cell-dialog');
const add = (parent, name, text, className) => {
  const element = document.createElement(name);
  if (text !== undefined) element.textContent = text;
  if (className) element.className = className;
  parent.append(element);
  return element;
};
const percent = (value) => (100 * value).toFixed(1) + '%';
function show(button) {
  const detail = page.details[button.dataset.detail];
  const content = document.getElementById('cell-content');
  content.replaceChildren();
  add(content, 'h3', detail.cell).id = 'cell-title';
  const picture = add(content, 'img');
  picture.src = page.images[button.querySelector('img').dataset.image];
  picture.alt = 'the cell: cytosol red, protein green';
  picture.width = picture.height = 128;
  add(content, 'p', (detail.protein ? detail.protein + ': ' : '') + detail.label + ', called ' + detail.predicted);
  const bars = add(content, 'div', undefined, 'bars');
  for (const [name, value] of Object.entries(detail.posterior).sort((a, b) => b[1] - a[1])) {
    add(bars, 'span', name);
    add(add(bars, 'span'), 'div', undefined, 'bar').style.width = percent(value);
    add(bars, 'span', percent(value));
  }
  add(content, 'h4', 'Nearest cells');
  const near = add(content, 'div', undefined, 'near');
  for (const { image, label } of detail.neighbours) {
    const item = add(near, 'div');
    const one = add(item, 'img');
    one.src = page.images[image];
    one.alt = '';
    one.width = one.height = 64;
    add(item, 'div', label);
  }
  dialog.showModal();
}
for (const button of document.querySelectorAll('button.cell')) button.addEventListener('click', () => show(button));
document.documentElement.dataset.ready = 'yes';
`;

/** The whole page. */
export function pageHtml({ title, sections, images, details }: PageContents): string {
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
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'unsafe-inline'">
<title>${escapeHtml(title)}</title><link rel="icon" href="data:,"><style>${style}</style></head>
<body><a class="skip" href="#summary">Skip to the summary</a>
<header><h1>${escapeHtml(title)}</h1></header><nav aria-label="Sections"><ul>${links}</ul></nav>
<main>${body}</main>
<dialog id="cell-dialog" aria-labelledby="cell-title"><div id="cell-content"></div><form method="dialog"><button>Close</button></form></dialog>
<script type="application/json" id="page-data">${data}</script>
<script>${script}</script></body></html>
`;
}
