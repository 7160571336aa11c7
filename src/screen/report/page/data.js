// Data of the report, each file of it a script that calls receive().

const waiting = new Map();
window.receive = (name, data) => waiting.get(name)?.(data);

function loadScript(name) {
  return new Promise((resolve, reject) => {
    const script = document.createElement('script');
    waiting.set(name, resolve);
    script.addEventListener('load', () => script.remove());
    script.addEventListener('error', () => reject(new Error(`data/${name}.js could not be read`)));
    script.src = `data/${name.split('/').map(encodeURIComponent).join('/')}.js`;
    document.head.append(script);
  }).finally(() => waiting.delete(name));
}

/** Parts that are kept: a part takes about a hundred kilobytes. */
const most = 100;
const parts = new Map();

/** The screen's tables, once loaded. */
exports.screen = undefined;

exports.loadScreen = async () => {
  exports.screen = await loadScript('screen');
};

/** The cells of a part, loaded when they are first asked for: each with what it takes to show it. */
exports.loadPart = (index) => {
  const known = parts.get(index);
  parts.delete(index);
  const part = known ?? loadScript(`parts/${exports.screen.parts[index].name}`).then((data) => describe(data, index));
  parts.set(index, part);
  if (!known) part.catch(() => parts.delete(index));
  for (const old of parts.keys()) if (parts.size > most) parts.delete(old);
  return part;
};

function describe(data, index) {
  const { classes } = exports.screen;
  const cells = [];
  for (const [position, field] of data.fields.entries()) {
    for (const end = cells.length + field.kept; cells.length < end; ) {
      const i = cells.length;
      cells.push({
        part: index,
        index: i,
        field: position,
        fieldName: field.field,
        protein: field.protein,
        name: data.cell[i],
        x: data.x[i],
        y: data.y[i],
        flags: data.texts[data.flags[i]],
        excluded: data.texts[data.excluded[i]],
        quality: data.quality === null ? null : data.quality[i],
        posterior: data.posterior.slice(i * classes.length, (i + 1) * classes.length),
      });
    }
  }
  return { fields: data.fields, cells };
}
