// What is worth a look: wells with flags, edges of plates, fields that could not be used.
const { element, linkTo, named, number, percent } = require('./elements');
const { table } = require('./table');
const { partTitle } = require('./wells');
const data = require('./data');

exports.lookView = () => {
  const { flaggedFields, parts, skipped, wells } = data.screen;
  const view = element('div', null, element('h2', { tabindex: '-1' }, 'Worth a look'), element('h3', null, 'Wells'));
  const flagged = wells.filter(({ flags }) => flags.length > 0);
  view.append(
    flagged.length === 0
      ? element('p', null, 'No well is flagged.')
      : table(
          [
            {
              title: 'well',
              value: (well) => partTitle(well.part),
              text: (well) => partTitle(well.part),
              link: (well) => linkTo('well', parts[well.part].name),
            },
            {
              title: 'protein',
              value: (well) => well.protein,
              text: (well) => well.protein,
              link: (well) => (well.protein === '' ? undefined : linkTo('protein', well.protein)),
            },
            { title: 'flags', value: (well) => well.flags.join(', '), text: (well) => well.flags.join(', ') },
            { title: 'cells that count', numeric: true, value: (well) => well.used, text: (well) => number(well.used) },
            { title: 'focus', numeric: true, value: (well) => well.focus, text: (well) => number(well.focus) },
            {
              title: 'saturated',
              numeric: true,
              value: (well) => well.saturated,
              text: (well) => percent(well.saturated === null ? null : 1000 * well.saturated),
            },
            {
              title: 'disagreement',
              numeric: true,
              value: (well) => well.disagreement,
              text: (well) => percent(well.disagreement === null ? null : 1000 * well.disagreement),
            },
          ],
          flagged,
          {
            caption: 'Flagged wells',
            search: (well) => `${partTitle(well.part)} ${well.protein} ${well.flags.join(' ')}`,
          },
        ),
  );
  view.append(element('h3', null, 'Fields with flags'));
  view.append(
    flaggedFields.length === 0
      ? element('p', null, 'None.')
      : table(
          [
            {
              title: 'well',
              value: ({ part }) => partTitle(part),
              text: ({ part }) => partTitle(part),
              link: ({ part }) => linkTo('well', parts[part].name),
            },
            {
              title: 'field of the well',
              numeric: true,
              value: ({ index }) => index,
              text: ({ index }) => String(index + 1),
            },
            { title: 'flags', value: ({ flags }) => flags.join(', '), text: ({ flags }) => flags.join(', ') },
          ],
          flaggedFields,
          { caption: 'Fields with flags', search: ({ part, flags }) => `${partTitle(part)} ${flags.join(' ')}` },
        ),
  );
  view.append(element('h3', null, 'Fields that could not be used'));
  view.append(
    skipped.length === 0
      ? element('p', null, 'None.')
      : table(
          [
            {
              title: 'field',
              value: ({ plate, well, field }) => `${plate} ${well} ${field}`,
              text: ({ plate, well, field }) =>
                named([plate, well, field].filter((text) => text !== '').join(', '), '-'),
            },
            { title: 'file', value: ({ source }) => source, text: ({ source }) => source },
            { title: 'reason', value: ({ reason }) => reason, text: ({ reason }) => reason },
          ],
          skipped,
          {
            caption: 'Fields that could not be used',
            search: ({ plate, well, field, source, reason }) => `${plate} ${well} ${field} ${source} ${reason}`,
          },
        ),
  );
  return view;
};
