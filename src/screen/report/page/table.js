// A table that is sorted by its headings, searched, and shown a page at a time.
const { element } = require('./elements');

const rowsOfPage = 50;

/**
 * columns: { title, numeric, value(row): what it is sorted by, text(row), link(row): where it leads, if anywhere }
 * options: { caption, search(row): text that is searched (no search without), sort: [column, ascending] }
 */
exports.table = (columns, rows, { caption, search, sort }) => {
  let [sorted, ascending] = sort ?? [-1, true];
  let page = 0;
  let found = rows;
  const body = element('tbody');
  const status = element('p', { role: 'status', class: 'found' });
  const previous = element('button', { type: 'button', click: () => turn(-1) }, 'Previous page');
  const next = element('button', { type: 'button', click: () => turn(1) }, 'Next page');
  const pager = element('div', { class: 'pager' }, previous, next);
  const headings = columns.map(({ title, numeric }, index) =>
    element(
      'th',
      { scope: 'col', class: numeric ? 'n' : null, 'aria-sort': 'none' },
      element('button', { type: 'button', click: () => sortBy(index) }, title),
    ),
  );

  function compare(a, b) {
    const { value } = columns[sorted];
    const [x, y] = [value(a), value(b)];
    // What is unknown comes last in both directions.
    if (x === null || y === null) return (x === null) - (y === null);
    const order = typeof x === 'string' ? x.localeCompare(y, 'en', { numeric: true }) : x - y;
    return ascending ? order : -order;
  }
  function show() {
    const pages = Math.max(1, Math.ceil(found.length / rowsOfPage));
    const start = page * rowsOfPage;
    const shown = found.slice(start, start + rowsOfPage);
    body.replaceChildren(...shown.map(line));
    status.textContent =
      found.length === 0
        ? 'Nothing found.'
        : `${start + 1} to ${start + shown.length} of ${found.length}${pages > 1 ? `, page ${page + 1} of ${pages}` : ''}`;
    pager.hidden = pages === 1;
    status.hidden = pages === 1 && !search;
    previous.disabled = page === 0;
    next.disabled = page === pages - 1;
    for (const [index, heading] of headings.entries()) {
      heading.setAttribute('aria-sort', index !== sorted ? 'none' : ascending ? 'ascending' : 'descending');
    }
  }
  function line(row) {
    return element(
      'tr',
      null,
      ...columns.map(({ numeric, text, link }) => {
        const target = link?.(row);
        const content = text(row);
        return element(
          'td',
          { class: numeric ? 'n' : null },
          target === undefined ? content : element('a', { href: target }, content),
        );
      }),
    );
  }
  function sortBy(index) {
    // Numbers begin with the largest.
    ascending = sorted === index ? !ascending : !columns[index].numeric;
    sorted = index;
    page = 0;
    found = [...found].sort(compare);
    show();
  }
  function turn(by) {
    page += by;
    show();
  }
  function look(text) {
    const wanted = text.trim().toLowerCase();
    found = wanted === '' ? [...rows] : rows.filter((row) => search(row).toLowerCase().includes(wanted));
    if (sorted >= 0) found.sort(compare);
    page = 0;
    show();
  }

  const field = element('input', { type: 'search', input: () => look(field.value) });
  if (sorted >= 0) found = [...rows].sort(compare);
  show();
  return element(
    'div',
    { class: 'paged' },
    search ? element('label', { class: 'choice' }, 'Search ', field) : null,
    status,
    element(
      'div',
      { class: 'scroll', tabindex: '0', role: 'region', 'aria-label': caption },
      element(
        'table',
        null,
        element('caption', null, caption),
        element('thead', null, element('tr', null, ...headings)),
        body,
      ),
    ),
    pager,
  );
};
