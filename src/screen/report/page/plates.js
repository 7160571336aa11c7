// Heat maps of plates, by any column of the wells.
const { choice, element, linkTo, named, number, percent } = require('./elements');
const { classColour, classLetters, inkOn, scaleColour, scaleGradient } = require('./colours');
const data = require('./data');

/** What a map can show: value of a well as a number, or null; how it is written; the ends of the scale, or the wells' own. */
function measures() {
  const thousandths = { text: percent, ends: [0, 1000] };
  const share = { text: (value) => percent(value === null ? null : 1000 * value) };
  const plain = { text: number };
  const own = (key, title, kind) => ({ key, title, value: (well) => well[key], ...kind });
  return [
    own('cells', 'cells', plain),
    own('used', 'cells that count', plain),
    own('focus', 'focus', plain),
    own('saturated', 'saturated', share),
    own('background', 'background', plain),
    own('covered', 'covered', share),
    own('dead', 'dead cells', share),
    { ...own('disagreement', 'disagreement with the other wells of the protein', share), ends: [0, 1] },
    { key: 'flags', title: 'flags', value: (well) => well.flags.length, text: number },
    ...data.screen.classes.map((name, index) => ({
      key: `class ${index}`,
      title: `posterior share of ${name}`,
      value: (well) => (well.used > 0 ? well.mixture[index] : null),
      ...thousandths,
    })),
  ];
}

/** Row 1 is A, row 27 AA. */
const letters = (row) => (row <= 26 ? String.fromCharCode(64 + row) : `A${String.fromCharCode(64 + row - 26)}`);

/** What is chosen stays so when one comes back from a well. */
const chosen = { plate: 0, measure: 'called', alone: -1 };

exports.platesView = () => {
  const { plates, wells } = data.screen;
  const view = element('div', null, element('h2', { tabindex: '-1' }, 'Plates'));
  if (wells.length === 0) {
    view.append(element('p', null, 'The fields of this screen name no wells.'));
    return view;
  }
  const all = measures();
  const map = element('div');
  const show = () => map.replaceChildren(plateMap(all.find(({ key }) => key === chosen.measure)));
  const plateNames = plates.map(({ name }, index) => [String(index), named(name, 'the plate')]);
  const controls = element('div', { class: 'controls' });
  if (plates.length > 1) {
    const change = (value) => {
      chosen.plate = Number(value);
      show();
    };
    controls.append(choice('Plate', plateNames, String(chosen.plate), change));
  }
  const titles = [['called', 'called compartment'], ...all.map(({ key, title }) => [key, title])];
  controls.append(
    choice('Colour by', titles, chosen.measure, (value) => {
      chosen.measure = value;
      show();
    }),
  );
  show();
  view.append(controls, map);
  return view;

  /** @param measure undefined: the called compartment */
  function plateMap(measure) {
    const { rows, columns, name } = plates[chosen.plate];
    const own = wells.filter(({ plate }) => plate === chosen.plate);
    const placed = new Map(own.map((well) => [`${well.row} ${well.column}`, well]));
    const colouring = measure ? quantity(measure, wells) : called(show);
    const told = element('p', { class: 'told' }, 'Choose a well to see its fields and cells.');
    const tell = (text) => {
      told.textContent = text;
    };
    const grid = element('table', {
      role: 'grid',
      class: `plate rows-${rows}`,
      'aria-label': `${named(name, 'the plate')}, coloured by ${measure ? measure.title : 'called compartment'}`,
    });
    grid.append(
      element(
        'tr',
        null,
        element('td'),
        ...Array.from({ length: columns }, (_, c) => element('th', { scope: 'col' }, String(c + 1))),
      ),
    );
    let first = true;
    for (let row = 1; row <= rows; row++) {
      const line = element('tr', null, element('th', { scope: 'row' }, letters(row)));
      for (let column = 1; column <= columns; column++) {
        const well = placed.get(`${row} ${column}`);
        const cell = well ? wellCell(well, colouring, tell, columns <= 24) : element('td', { class: 'none' });
        if (well) {
          cell.setAttribute('tabindex', first ? '0' : '-1');
          first = false;
        }
        line.append(cell);
      }
      grid.append(line);
    }
    grid.addEventListener('keydown', moveFocus);
    const others = own.filter(({ row }) => row === 0);
    return element(
      'div',
      null,
      colouring.legend,
      element('div', { class: 'scroll whole' }, grid),
      told,
      edges(name),
      others.length > 0
        ? element(
            'ul',
            { class: 'others' },
            ...others.map((well) =>
              element('li', null, element('a', { href: linkTo('well', data.screen.parts[well.part].name) }, well.well)),
            ),
          )
        : null,
    );
  }
};

function wellCell(well, { colour, letter, text }, tell, withLetters) {
  const fill = colour(well);
  const flags = well.flags.length > 0 ? `; look at it: ${well.flags.join(', ')}` : '';
  const label = `${well.well}: ${named(well.protein, 'no protein')}, ${text(well)}${flags}`;
  const open = () => {
    location.hash = linkTo('well', data.screen.parts[well.part].name);
  };
  const cell = element('td', {
    class: `well${well.flags.length > 0 ? ' flagged' : ''}${fill === null ? ' unknown' : ''}`,
    'aria-label': label,
    // Drawn by the style sheet: they are no part of its name.
    'data-letters': fill !== null && withLetters ? letter(well) : '',
    click: open,
    focus: () => tell(label),
    mouseenter: () => tell(label),
    keydown: (event) => {
      if (event.key !== 'Enter' && event.key !== ' ') return;
      event.preventDefault();
      open();
    },
  });
  if (fill !== null) {
    cell.style.backgroundColor = fill;
    cell.style.color = inkOn(fill);
  }
  return cell;
}

/** Arrow keys go to the next well in their direction, Home and End to the ends of the row. */
function moveFocus(event) {
  const steps = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] };
  const from = event.target.closest('td.well');
  if (!from) return;
  const rows = [...event.currentTarget.rows];
  let row = rows.indexOf(from.parentElement);
  let column = from.cellIndex;
  let step = Object.hasOwn(steps, event.key) ? steps[event.key] : undefined;
  if (event.key === 'Home') [column, step] = [0, [0, 1]];
  if (event.key === 'End') [column, step] = [rows[row].cells.length, [0, -1]];
  if (!step) return;
  event.preventDefault();
  for (;;) {
    row += step[0];
    column += step[1];
    const cell = rows[row]?.cells[column];
    if (!cell || row < 1 || column < 1) return;
    if (!cell.classList.contains('well')) continue;
    from.setAttribute('tabindex', '-1');
    cell.setAttribute('tabindex', '0');
    cell.focus();
    return;
  }
}

/** Wells by their called compartment; each entry of the legend shows its class alone. */
function called(change) {
  const { classes } = data.screen;
  const short = classLetters(classes);
  const entries = classes.map((name, index) => {
    const sample = element('span', { class: 'sample', 'aria-hidden': 'true' }, short[index]);
    sample.style.backgroundColor = classColour(index);
    sample.style.color = inkOn(classColour(index));
    const press = () => {
      chosen.alone = chosen.alone === index ? -1 : index;
      change();
      document.querySelectorAll('.legend button')[index].focus();
    };
    return element(
      'button',
      { type: 'button', 'aria-pressed': String(chosen.alone === index), click: press },
      sample,
      name,
    );
  });
  return {
    legend: element('div', { class: 'legend', role: 'group', 'aria-label': 'Show one compartment alone' }, ...entries),
    colour: ({ called: index }) =>
      index < 0 || (chosen.alone >= 0 && chosen.alone !== index) ? null : classColour(index),
    letter: ({ called: index }) => short[index],
    text: ({ called: index, mixture, used }) =>
      index < 0 ? 'no cells that count' : `called ${classes[index]} (${percent(mixture[index])} of ${used} cells)`,
  };
}

/** Wells by a number; the scale is that of all plates. */
function quantity({ title, value, text, ends }, wells) {
  const values = wells.map(value).filter((number) => number !== null);
  const low = ends ? ends[0] : values.reduce((least, number) => Math.min(least, number), Number.POSITIVE_INFINITY);
  const high = ends ? ends[1] : values.reduce((most, number) => Math.max(most, number), Number.NEGATIVE_INFINITY);
  const bar = element('span', { class: 'bar', 'aria-hidden': 'true' });
  bar.style.background = scaleGradient;
  return {
    legend: element(
      'p',
      { class: 'scale' },
      values.length === 0 ? `${title}: not known of any well` : element('span', null, text(low), bar, text(high)),
    ),
    colour: (well) => {
      const number = value(well);
      return number === null ? null : scaleColour(high > low ? (number - low) / (high - low) : 0);
    },
    letter: () => '',
    text: (well) => `${title} ${text(value(well))}`,
  };
}

/** What differs at the edge of a plate. */
function edges(plate) {
  const found = data.screen.edges.filter((row) => row.plate === plate && row.effect);
  if (found.length === 0) return null;
  const titles = new Map([['used', 'cells that count']]);
  const sentences = found.map(
    ({ measure, edge, inner }) =>
      `Edge effect in ${titles.get(measure) ?? measure}: ${number(edge)} in the outermost wells, ${number(inner)} in the others.`,
  );
  return element('p', { class: 'warning' }, sentences.join(' '));
}
