// A well (or another part of the screen): its fields with the outlines of the cells, and the cells.
const { element, linkTo, named, number, percent } = require('./elements');
const { cellGallery, fieldPicture } = require('./cells');
const data = require('./data');

/** Plate and well of a part in one text. */
exports.partTitle = (index) => {
  const { parts, plates } = data.screen;
  const { name, plate, well } = parts[index];
  return well === '' ? name : [plates[plate].name, well].filter((text) => text !== '').join(', ');
};

exports.wellView = (name) => {
  const { classes, flaggedFields, parts, wells } = data.screen;
  const index = parts.findIndex((part) => part.name === name);
  if (index < 0) return undefined;
  const view = element('div', null, element('h2', { tabindex: '-1' }, exports.partTitle(index)));
  const well = wells.find(({ part }) => part === index);
  if (well) {
    const call =
      well.called < 0
        ? 'without cells that count'
        : `called ${classes[well.called]} (${percent(well.mixture[well.called])} of ${well.used} cells)`;
    const protein =
      well.protein === '' ? 'No protein' : element('a', { href: linkTo('protein', well.protein) }, well.protein);
    view.append(
      element('p', null, protein, `, ${call}.`),
      element(
        'p',
        null,
        `${well.cells} cells, of which ${well.flagged} are left out for a flag and ${well.nonCells} as non-cells.`,
        well.disagreement === null
          ? ''
          : ` Disagreement with the other wells of the protein: ${percent(1000 * well.disagreement)}.`,
      ),
    );
    if (well.flags.length > 0) view.append(element('p', { class: 'warning' }, `Look at it: ${well.flags.join(', ')}.`));
  }
  const rest = element('div', { 'aria-busy': 'true' }, element('p', null, 'Loading its cells ...'));
  view.append(rest);
  data.loadPart(index).then(
    ({ fields, cells }) => {
      const flagsOf = (position) =>
        flaggedFields.find((field) => field.part === index && field.index === position)?.flags ?? [];
      rest.replaceChildren(
        element('h3', null, 'Fields'),
        element(
          'p',
          null,
          'Outlines: yellow cells, blue cut off by the edge of the field, red flagged otherwise; a line leads from a bud to its mother.',
        ),
        element(
          'div',
          { class: 'fields' },
          ...fields.map((field, position) => fieldFigure(field, index, position, flagsOf(position))),
        ),
        element('h3', null, 'Cells'),
        cells.length > 0 ? cellGallery(cells, well ? well.called : -1) : element('p', null, 'None.'),
      );
      rest.removeAttribute('aria-busy');
    },
    (error) => rest.replaceChildren(element('p', { class: 'warning' }, error.message)),
  );
  return view;
};

function fieldFigure(field, part, position, flags) {
  const name = `Field ${named(field.field, String(position + 1))}`;
  if (field.problem !== '') return element('p', { class: 'warning' }, `${name} could not be used: ${field.problem}`);
  const facts = `${name}: ${number(field.cells)} cells found, ${field.kept} with a picture; focus ${number(field.focus)}, background ${number(field.background)}, covered ${percent(field.covered === null ? null : 1000 * field.covered)}.`;
  const flagged = flags.length > 0 ? ` Look at it: ${flags.join(', ')}.` : '';
  const source = fieldPicture(part, position);
  const figure = element('figure');
  if (source !== undefined) {
    const alt = `${name} with the outlines of its cells`;
    const missing = () => image.replaceWith(element('p', null, 'There is no picture of it.'));
    const image = element('img', { src: source, alt, loading: 'lazy', error: missing });
    figure.append(element('a', { href: source }, image));
  }
  figure.append(element('figcaption', null, facts + flagged));
  return figure;
}
