// The table of proteins, and one of them: its mixture, its wells and its cells.
const { element, interval, linkTo, named, number, percent } = require('./elements');
const { cellGallery } = require('./cells');
const { table } = require('./table');
const { partTitle } = require('./wells');
const data = require('./data');

/** The class with the next largest share; -1 where there is one class only. */
const secondOf = ({ mixture, called }) =>
  mixture.reduce((best, share, index) => (index !== called && (best < 0 || share > mixture[best]) ? index : best), -1);

const lowOf = ({ bootstrap, low }, index) => (bootstrap ? bootstrap.low[index] : low[index]);
const highOf = ({ bootstrap, high }, index) => (bootstrap ? bootstrap.high[index] : high[index]);

/** All shares that are worth a word, the largest first. */
function mixtureText({ mixture }) {
  const { classes } = data.screen;
  return classes
    .map((_, index) => index)
    .filter((index) => mixture[index] >= 50)
    .sort((a, b) => mixture[b] - mixture[a] || a - b)
    .map((index) => `${classes[index]} ${Math.round(mixture[index] / 10)}%`)
    .join(', ');
}

exports.proteinsView = () => {
  const { classes, proteins } = data.screen;
  const name = (index) => (index < 0 ? '' : classes[index]);
  const named_ = (row) => named(row.name, 'no name');
  const columns = [
    { title: 'protein', value: (row) => row.name, text: named_, link: (row) => linkTo('protein', row.name) },
    {
      title: 'called',
      value: (row) => classes[row.called],
      text: (row) => classes[row.called] + (row.tied ? ' (tied)' : ''),
    },
    {
      title: 'share',
      numeric: true,
      value: (row) => row.mixture[row.called],
      text: (row) => percent(row.mixture[row.called]),
    },
    {
      title: '95% interval',
      numeric: true,
      value: (row) => lowOf(row, row.called),
      text: (row) => interval(lowOf(row, row.called), highOf(row, row.called)),
    },
    { title: 'second', value: (row) => name(secondOf(row)), text: (row) => name(secondOf(row)) },
    {
      title: 'its share',
      numeric: true,
      value: (row) => row.mixture[secondOf(row)] ?? null,
      text: (row) => percent(row.mixture[secondOf(row)]),
    },
    { title: 'mixture (from 5%)', value: mixtureText, text: mixtureText },
    { title: 'wells', numeric: true, value: (row) => row.wells, text: (row) => number(row.wells) },
    { title: 'flagged', numeric: true, value: (row) => row.flagged, text: (row) => number(row.flagged) },
    { title: 'cells', numeric: true, value: (row) => row.cells, text: (row) => number(row.cells) },
  ];
  if (proteins.some(({ label }) => label !== '')) {
    columns.push({ title: 'by the plate map', value: (row) => row.label, text: (row) => row.label });
  }
  const search = (row) => `${row.name} ${classes[row.called]} ${row.label}`;
  return element(
    'div',
    null,
    element('h2', { tabindex: '-1' }, 'Proteins'),
    element(
      'p',
      null,
      'For each protein the compartment that most of its cells are in, and the one that comes next. Choose a heading to sort, a protein to see its cells.',
    ),
    table(columns, proteins, { caption: 'Proteins', search, sort: [0, true] }),
  );
};

exports.proteinView = (name) => {
  const { classes, parts, proteins, wells } = data.screen;
  const row = proteins.find((protein) => protein.name === name);
  if (!row) return undefined;
  const second = secondOf(row);
  const fields = row.fields === null ? '' : ` in ${row.fields} fields`;
  const view = element(
    'div',
    null,
    element('h2', { tabindex: '-1' }, named(row.name, 'no name')),
    element(
      'p',
      null,
      `Called ${classes[row.called]} with ${percent(row.mixture[row.called])} of ${row.cells} cells${fields}${row.tied ? ', tied with another' : ''}.`,
      second < 0 ? '' : ` Second: ${classes[second]} with ${percent(row.mixture[second])}.`,
      row.label === '' ? '' : ` The plate map says ${row.label}.`,
    ),
    mixtureTable(row),
  );
  const own = wells.filter(({ protein }) => protein === row.name);
  if (own.length > 0) view.append(element('h3', null, 'Wells'), wellTable(own, row));
  view.append(element('h3', null, 'Cells'), cellsOf(row, parts));
  return view;
};

function mixtureTable(row) {
  const { classes } = data.screen;
  const rows = classes.map((_, index) => index);
  const bar = (index) => {
    const filled = element('span', { class: 'filled' });
    filled.style.width = percent(row.mixture[index]);
    return element('span', { class: 'track', 'aria-hidden': 'true' }, filled);
  };
  const unit = row.bootstrap ? `over ${row.bootstrap.unit}s` : 'over fields';
  return table(
    [
      { title: 'compartment', value: (index) => classes[index], text: (index) => classes[index] },
      {
        title: 'share',
        numeric: true,
        value: (index) => row.mixture[index],
        text: (index) => percent(row.mixture[index]),
      },
      { title: 'drawn', value: (index) => row.mixture[index], text: bar },
      {
        title: `95% interval ${unit}`,
        numeric: true,
        value: (index) => row.bootstrap?.low[index] ?? null,
        text: (index) => (row.bootstrap ? interval(row.bootstrap.low[index], row.bootstrap.high[index]) : '-'),
      },
      {
        title: 'mean of the model',
        numeric: true,
        value: (index) => row.mean[index],
        text: (index) => percent(row.mean[index]),
      },
      {
        title: '95% interval of the model',
        numeric: true,
        value: (index) => row.low[index],
        text: (index) => interval(row.low[index], row.high[index]),
      },
    ],
    rows,
    { caption: 'Mixture of compartments', sort: [1, false] },
  );
}

function wellTable(own, row) {
  const { classes, parts } = data.screen;
  const call = ({ called }) => (called < 0 ? '' : classes[called]);
  return table(
    [
      {
        title: 'well',
        value: (well) => partTitle(well.part),
        text: (well) => partTitle(well.part),
        link: (well) => linkTo('well', parts[well.part].name),
      },
      { title: 'called', value: call, text: call },
      {
        title: `share of ${classes[row.called]}`,
        numeric: true,
        value: (well) => (well.used > 0 ? well.mixture[row.called] : null),
        text: (well) => (well.used > 0 ? percent(well.mixture[row.called]) : '-'),
      },
      { title: 'cells that count', numeric: true, value: (well) => well.used, text: (well) => number(well.used) },
      {
        title: 'disagreement',
        numeric: true,
        value: (well) => well.disagreement,
        text: (well) => percent(well.disagreement === null ? null : 1000 * well.disagreement),
      },
      { title: 'flags', value: (well) => well.flags.join(', '), text: (well) => well.flags.join(', ') },
    ],
    own,
    { caption: 'Wells of the protein' },
  );
}

/** A control may be in hundreds of wells: their cells are loaded so many wells at a time. */
const partsAtOnce = 24;

function cellsOf(row, parts) {
  const place = element('div');
  let loaded = 0;
  const cells = [];
  async function load() {
    const next = row.parts.slice(loaded, loaded + partsAtOnce);
    place.setAttribute('aria-busy', 'true');
    const problems = [];
    const results = await Promise.allSettled(next.map((index) => data.loadPart(index)));
    for (const result of results) {
      if (result.status === 'rejected') problems.push(result.reason.message);
      // Fields without wells share a part with those of other proteins.
      else cells.push(...result.value.cells.filter(({ protein }) => protein === row.name));
    }
    loaded += next.length;
    const left = row.parts.slice(loaded, loaded + partsAtOnce).reduce((sum, index) => sum + parts[index].cells, 0);
    place.replaceChildren(
      ...problems.map((problem) => element('p', { class: 'warning' }, problem)),
      cellGallery(cells, row.called),
      ...(loaded < row.parts.length
        ? [
            element('p', null, `These are the cells of ${loaded} of ${row.parts.length} wells. `),
            element('button', { type: 'button', click: load }, `Load ${left} more`),
          ]
        : []),
    );
    place.removeAttribute('aria-busy');
  }
  place.append(element('p', null, 'Loading its cells ...'));
  load();
  return place;
}
