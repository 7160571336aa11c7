// Elements and texts. Names of people become text nodes and attributes, never HTML.

/** An element with attributes (a function becomes a listener) and children: elements or texts. */
exports.element = (name, attributes, ...children) => {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes ?? {})) {
    if (value === undefined || value === null || value === false) continue;
    if (typeof value === 'function') element.addEventListener(key, value);
    else element.setAttribute(key, value === true ? '' : value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
};

/** A percentage of so many thousandths. */
exports.percent = (thousandths) =>
  thousandths === null || thousandths === undefined ? '-' : `${(thousandths / 10).toFixed(1)}%`;

exports.number = (value) => (value === null || value === undefined ? '-' : value.toLocaleString('en'));

/** Both ends of an interval. */
exports.interval = (low, high) =>
  low === null || high === null ? '-' : `${(low / 10).toFixed(1)} to ${(high / 10).toFixed(1)}%`;

/** What stands for a name that is empty. */
exports.named = (text, otherwise) => (text === '' ? otherwise : text);

/** A link within the page. */
exports.linkTo = (view, name) => `#${view}=${encodeURIComponent(name)}`;

let choices = 0;

/** A select with a label; `options` are [value, text]. */
exports.choice = (label, options, value, change) => {
  const id = `choice-${++choices}`;
  const select = exports.element(
    'select',
    { id, change: () => change(select.value) },
    ...options.map(([key, text]) => exports.element('option', { value: key, selected: key === value }, text)),
  );
  return exports.element('span', { class: 'choice' }, exports.element('label', { for: id }, label), ' ', select);
};
