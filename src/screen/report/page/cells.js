// Cells: their pictures from the sheets of their parts, sorted by a posterior, and all that is known of one.
const { choice, element, linkTo, named, percent } = require('./elements');
const data = require('./data');

const cellsOfPage = 120;
const tile = 72;

const address = (folder, name, number) => `${folder}/${encodeURIComponent(name)}-${number}.jpg`;

/** Where the picture of a field lies; undefined where there are none. */
exports.fieldPicture = (part, index) => {
  const { pictures, parts } = data.screen;
  return pictures ? address(pictures.fields, parts[part].name, index) : undefined;
};

/** A cell cut out of its sheet, `side` pixels wide. */
exports.cellPicture = ({ part, index, name }, side, hidden) => {
  const { pictures, parts, sheet } = data.screen;
  const picture = element('span', {
    class: 'crop',
    role: hidden ? null : 'img',
    'aria-label': hidden ? null : `picture of the cell ${name}`,
    'aria-hidden': hidden ? 'true' : null,
  });
  picture.style.width = picture.style.height = `${side}px`;
  if (!pictures) return picture;
  const place = index % (sheet.columns * sheet.rows);
  const number = Math.floor(index / (sheet.columns * sheet.rows));
  picture.style.backgroundImage = `url("${address(pictures.cells, parts[part].name, number)}")`;
  picture.style.backgroundSize = `${sheet.columns * side}px auto`;
  picture.style.backgroundPosition = `${-(place % sheet.columns) * side}px ${-Math.floor(place / sheet.columns) * side}px`;
  return picture;
};

/** Cells in a grid, sorted by the posterior of a class that is chosen. */
exports.cellGallery = (cells, called) => {
  const { classes } = data.screen;
  let by = called < 0 ? 0 : called;
  let order = 'highest';
  let which = 'all';
  let shown = cellsOfPage;
  const grid = element('div', { class: 'cells' });
  const status = element('p', { role: 'status', class: 'found' });
  const more = element(
    'button',
    {
      type: 'button',
      click: () => {
        const before = shown;
        shown += cellsOfPage;
        show();
        grid.children[before]?.focus();
      },
    },
    'Show more cells',
  );
  function show() {
    const chosen = cells.filter(({ excluded }) => which === 'all' || (excluded === '') === (which === 'used'));
    const sign = order === 'highest' ? -1 : 1;
    chosen.sort((a, b) => sign * (a.posterior[by] - b.posterior[by]) || a.part - b.part || a.index - b.index);
    grid.replaceChildren(...chosen.slice(0, shown).map((cell) => cellButton(cell, by)));
    status.textContent = `${Math.min(shown, chosen.length)} of ${chosen.length} cells`;
    more.hidden = shown >= chosen.length;
  }
  const again = (set) => (value) => {
    set(value);
    shown = cellsOfPage;
    show();
  };
  const names = classes.map((name, index) => [String(index), name]);
  const orders = [
    ['highest', 'highest first'],
    ['lowest', 'lowest first'],
  ];
  const kinds = [
    ['all', 'all'],
    ['used', 'those that count'],
    ['excluded', 'those left out'],
  ];
  show();
  return element(
    'div',
    { class: 'gallery-of-cells' },
    element(
      'div',
      { class: 'controls' },
      choice(
        'Sort by the posterior of',
        names,
        String(by),
        again((value) => (by = Number(value))),
      ),
      choice(
        'with the',
        orders,
        order,
        again((value) => (order = value)),
      ),
      choice(
        'Cells',
        kinds,
        which,
        again((value) => (which = value)),
      ),
    ),
    status,
    grid,
    more,
  );
};

function cellButton(cell, by) {
  const { classes } = data.screen;
  const text = cell.excluded === '' ? percent(cell.posterior[by]) : cell.excluded;
  return element(
    'button',
    {
      type: 'button',
      class: cell.excluded === '' ? 'one' : 'one left-out',
      'aria-label': `${cell.name}, ${classes[by]} ${percent(cell.posterior[by])}${cell.excluded === '' ? '' : `, left out: ${cell.excluded}`}`,
      click: () => showCell(cell),
    },
    exports.cellPicture(cell, tile, true),
    element('span', { class: 'caption' }, text),
  );
}

/** A dialog with the cell, all its posteriors, and where it is. */
function showCell(cell) {
  const { classes, parts, plates, size } = data.screen;
  const part = parts[cell.part];
  const content = document.getElementById('cell-content');
  const bars = element('div', { class: 'bars' });
  const order = classes.map((_, index) => index).sort((a, b) => cell.posterior[b] - cell.posterior[a] || a - b);
  for (const index of order) {
    const bar = element('div', { class: 'bar' });
    bar.style.width = percent(cell.posterior[index]);
    bars.append(
      element('span', null, classes[index]),
      element('span', null, bar),
      element('span', null, percent(cell.posterior[index])),
    );
  }
  const place = [plates[part.plate].name, part.well, `field ${named(cell.fieldName, String(cell.field + 1))}`];
  content.replaceChildren(
    element('h3', { id: 'cell-title' }, cell.name),
    exports.cellPicture(cell, Math.max(192, Math.min(320, 3 * size))),
    element(
      'p',
      null,
      `${named(cell.protein, 'no protein')}; ${place.filter((text) => text !== '').join(', ')}, at x ${cell.x}, y ${cell.y}`,
    ),
    element(
      'p',
      null,
      cell.excluded === '' ? 'Counts for its protein.' : `Does not count for its protein: ${cell.excluded}.`,
    ),
    element(
      'p',
      null,
      `Flags: ${named(cell.flags.replaceAll(';', ', '), 'none')}.${cell.quality === null ? '' : ` Good cell: ${percent(cell.quality)}.`}`,
    ),
    bars,
    element('p', null, element('a', { href: linkTo('well', part.name), click: () => dialog.close() }, 'To its fields')),
  );
  const dialog = document.getElementById('cell-dialog');
  dialog.showModal();
}
