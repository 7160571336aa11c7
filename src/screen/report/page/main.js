// Which view is shown: the part of the address behind # says it, so that the browser's back button works.
const { element } = require('./elements');
const { lookView } = require('./lists');
const { platesView } = require('./plates');
const { proteinsView, proteinView } = require('./proteins');
const { wellView } = require('./wells');
const data = require('./data');

const explanation = () => document.getElementById('explanation').content.cloneNode(true);
const lists = new Map([
  ['plates', platesView],
  ['proteins', proteinsView],
  ['look', lookView],
  ['numbers', explanation],
]);
/** Each with the entry of the navigation that it belongs to. */
const items = new Map([
  ['well', [wellView, 'plates']],
  ['protein', [proteinView, 'proteins']],
]);

const main = document.getElementById('view');
const title = document.title;

function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function show(moveFocus) {
  const [, kind, name] = /^#([a-z]*)(?:=(.*))?$/s.exec(location.hash) ?? [];
  if (kind === 'view') return main.focus(); // the link that skips the navigation
  document.getElementById('cell-dialog').close();
  let view;
  let entry = kind;
  if (items.has(kind) && name !== undefined) {
    const [item, list] = items.get(kind);
    view =
      item(decoded(name)) ??
      element('div', null, element('h2', { tabindex: '-1' }, 'This screen has none of this name'));
    entry = list;
  } else {
    entry = lists.has(kind) ? kind : data.screen.wells.length > 0 ? 'plates' : 'proteins';
    view = lists.get(entry)();
  }
  main.replaceChildren(view);
  for (const link of document.querySelectorAll('nav a')) {
    if (link.getAttribute('href') === `#${entry}`) link.setAttribute('aria-current', 'page');
    else link.removeAttribute('aria-current');
  }
  const heading = main.querySelector('h2');
  document.title = `${heading.textContent} - ${title}`;
  if (!moveFocus) return;
  window.scrollTo(0, 0);
  heading.focus({ preventScroll: true });
}

data.loadScreen().then(
  () => {
    addEventListener('hashchange', () => show(true));
    show(false);
    document.documentElement.dataset.ready = 'yes';
  },
  (error) => main.replaceChildren(element('p', { class: 'warning' }, error.message)),
);
