/** Which cells the grid shows, in what order, and how they are drawn. */
import type { LabelState, ViewFilters, ViewSort } from '../src/workbench/protocol';
import { contrast, palette, shown } from './display';
import { zoom } from './keys';
import { filters, openView, seed, session, showOnly, sort, sortClass } from './state';

const sortTexts: Record<ViewSort, string> = {
  order: 'as in the dataset',
  'least-certain': 'least certain',
  suspect: 'most suspect label',
  'unlike-class': 'most unlike its class',
  random: 'random',
  'near-duplicates': 'near-duplicates together',
  posterior: 'posterior of a class',
};

const stateTexts: Record<LabelState, string> = {
  answered: 'answered here',
  dataset: 'from the dataset',
  skip: 'skipped',
  unsure: 'unsure',
  'not-a-cell': 'not a cell',
  none: 'none',
};

function filter(change: ViewFilters): void {
  showOnly({ ...filters.peek(), ...change });
}

interface ChoiceProps {
  label: string;
  options: { value: string; text: string }[];
  chosen: string | undefined;
  choose: (value: string | null) => void;
}

function Choice({ label, options, chosen, choose }: ChoiceProps) {
  return (
    <label>
      {label}
      <select value={chosen ?? ''} onChange={({ currentTarget: { value } }) => choose(value === '' ? null : value)}>
        <option value="">all</option>
        {options.map(({ value, text }) => (
          <option key={value} value={value}>
            {text}
          </option>
        ))}
      </select>
    </label>
  );
}

const named = (names: readonly string[]) => names.map((name) => ({ value: name, text: name }));
const numbered = (names: readonly string[]) => names.map((text, i) => ({ value: String(i), text }));

export function Filters() {
  const known = session.value;
  if (!known) return null;
  const chosen = filters.value;
  const numbers = (value: string | null) => (value === null ? [] : [Number(value)]);
  const texts = (value: string | null) => (value === null ? [] : [value]);
  const classes = known.classes.filter(({ mergedInto }) => mergedInto === null);
  return (
    <form class="filters" aria-label="Filters" onSubmit={(event) => event.preventDefault()}>
      <label>
        Search
        <input
          type="search"
          maxLength={200}
          value={chosen.text ?? ''}
          onChange={({ currentTarget }) => filter({ text: currentTarget.value })}
        />
      </label>
      <Choice
        label="Label"
        options={classes.map(({ id, name }) => ({ value: String(id), text: name }))}
        chosen={chosen.labels?.[0]?.toString()}
        choose={(value) => filter({ labels: numbers(value) })}
      />
      <Choice
        label="Called"
        options={numbered(known.calledClasses)}
        chosen={chosen.called?.[0]?.toString()}
        choose={(value) => filter({ called: numbers(value) })}
      />
      <Choice
        label="State"
        options={Object.entries(stateTexts).map(([value, text]) => ({ value, text }))}
        chosen={chosen.states?.[0]}
        choose={(value) => filter({ states: texts(value) as LabelState[] })}
      />
      {known.plates.length > 0 && (
        <Choice
          label="Plate"
          options={named(known.plates)}
          chosen={chosen.plates?.[0]}
          choose={(value) => filter({ plates: texts(value) })}
        />
      )}
      {known.flags.length > 0 && (
        <Choice
          label="Flag"
          options={named(known.flags)}
          chosen={chosen.flags?.[0]}
          choose={(value) => filter({ flags: texts(value) })}
        />
      )}
      <label>
        Sort
        <select
          value={sort.value}
          onChange={({ currentTarget }) => {
            sort.value = currentTarget.value as ViewSort;
            if (sort.value === 'random') seed.value++;
            void openView();
          }}
        >
          {Object.entries(sortTexts).map(([name, text]) => (
            <option key={name} value={name}>
              {text}
            </option>
          ))}
        </select>
      </label>
      {sort.value === 'posterior' && (
        <label>
          Class
          <select
            value={sortClass.value}
            onChange={({ currentTarget }) => {
              sortClass.value = Number(currentTarget.value);
              void openView();
            }}
          >
            {known.calledClasses.map((name, i) => (
              <option key={name} value={i}>
                {name}
              </option>
            ))}
          </select>
        </label>
      )}
      <button type="button" onClick={() => showOnly({})}>
        Show all
      </button>
      <Display channels={known.channels} />
    </form>
  );
}

function Display({ channels }: { channels: string[] }) {
  const setContrast = (channel: number, change: { low?: number; high?: number }) => {
    contrast.value = contrast.peek().map((old, i) => (i === channel ? { ...old, ...change } : old));
  };
  return (
    <details class="display">
      <summary>Display</summary>
      <button type="button" onClick={() => zoom(-1)}>
        Smaller
      </button>
      <button type="button" onClick={() => zoom(1)}>
        Larger
      </button>
      <label>
        Colours
        <select
          value={palette.value}
          onChange={({ currentTarget }) => {
            palette.value = currentTarget.value as typeof palette.value;
          }}
        >
          <option value="colour-blind">magenta and green</option>
          <option value="red-green">red and green</option>
        </select>
      </label>
      {channels.map((name, channel) => (
        <fieldset key={name}>
          <legend>{name}</legend>
          <label>
            <input
              type="checkbox"
              checked={shown.value[channel] ?? true}
              onChange={({ currentTarget }) => {
                const next = shown.peek().map((on, i) => (i === channel ? currentTarget.checked : on));
                if (next.some(Boolean)) shown.value = next;
                else currentTarget.checked = true;
              }}
            />
            shown
          </label>
          <label>
            black below
            <input
              type="range"
              min={0}
              max={254}
              value={contrast.value[channel]?.low ?? 0}
              onChange={({ currentTarget }) => {
                const high = contrast.peek()[channel]?.high ?? 255;
                setContrast(channel, { low: Math.min(currentTarget.valueAsNumber, high - 1) });
              }}
            />
          </label>
          <label>
            full from
            <input
              type="range"
              min={1}
              max={255}
              value={contrast.value[channel]?.high ?? 255}
              onChange={({ currentTarget }) => {
                const low = contrast.peek()[channel]?.low ?? 0;
                setContrast(channel, { high: Math.max(currentTarget.valueAsNumber, low + 1) });
              }}
            />
          </label>
        </fieldset>
      ))}
    </details>
  );
}
