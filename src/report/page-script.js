// What moves on the report's page: sorting, galleries and the dialog. Plain DOM; runs once, in the browser.
const page = JSON.parse(document.getElementById('page-data').textContent);
for (const image of document.querySelectorAll('img[data-image]')) image.src = page.images[image.dataset.image];
for (const table of document.querySelectorAll('table.sortable')) {
  const heads = [...table.querySelectorAll('th')];
  for (const [column, head] of heads.entries()) {
    head.querySelector('button').addEventListener('click', () => {
      const up = head.getAttribute('aria-sort') !== 'ascending';
      for (const other of heads)
        other.setAttribute('aria-sort', other === head ? (up ? 'ascending' : 'descending') : 'none');
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
    });
  }
}
const dialog = document.getElementById('cell-dialog');
const add = (parent, name, text, className) => {
  const element = document.createElement(name);
  if (text !== undefined) element.textContent = text;
  if (className) element.className = className;
  parent.append(element);
  return element;
};
const percent = (value) => `${(100 * value).toFixed(1)}%`;
function show(button) {
  const detail = page.details[button.dataset.detail];
  const content = document.getElementById('cell-content');
  content.replaceChildren();
  add(content, 'h3', detail.cell).id = 'cell-title';
  const picture = add(content, 'img');
  picture.src = page.images[button.querySelector('img').dataset.image];
  picture.alt = 'the cell: cytosol red, protein green';
  picture.width = picture.height = 128;
  add(content, 'p', `${(detail.protein ? `${detail.protein}: ` : '') + detail.label}, called ${detail.predicted}`);
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
