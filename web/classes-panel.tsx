/** The classes: a button for each, and adding, renaming and merging. */
import { signal } from '@preact/signals';
import { give } from './keys';
import { changeClasses, session } from './state';

const name = signal('');
const chosen = signal(0);
const into = signal(0);

export function ClassesPanel() {
  const classes = (session.value?.classes ?? []).filter(({ mergedInto }) => mergedInto === null);
  const options = classes.map((entry) => (
    <option key={entry.id} value={entry.id}>
      {entry.name}
    </option>
  ));
  const valid = name.value.trim() !== '';
  return (
    <div>
      <ul class="classes">
        {classes.map((entry) => (
          <li key={entry.id}>
            <button type="button" onClick={() => void give({ class: entry.id })}>
              {entry.key && <kbd>{entry.key}</kbd>} {entry.name}
            </button>
            <span>{entry.labels}</span>
          </li>
        ))}
      </ul>
      <form onSubmit={(event) => event.preventDefault()}>
        <label>
          Name
          <input
            maxLength={100}
            value={name.value}
            onInput={({ currentTarget }) => {
              name.value = currentTarget.value;
            }}
          />
        </label>
        <button
          type="button"
          disabled={!valid}
          onClick={() => {
            changeClasses({ do: 'add', name: name.peek().trim() });
            name.value = '';
          }}
        >
          Add class
        </button>
        <label>
          Class
          <select
            value={chosen.value}
            onChange={({ currentTarget }) => {
              chosen.value = Number(currentTarget.value);
            }}
          >
            {options}
          </select>
        </label>
        <button
          type="button"
          disabled={!valid}
          onClick={() => {
            changeClasses({ do: 'rename', class: chosen.peek(), name: name.peek().trim() });
            name.value = '';
          }}
        >
          Rename class
        </button>
        <label>
          Into
          <select
            value={into.value}
            onChange={({ currentTarget }) => {
              into.value = Number(currentTarget.value);
            }}
          >
            {options}
          </select>
        </label>
        <button
          type="button"
          disabled={chosen.value === into.value}
          onClick={() => changeClasses({ do: 'merge', class: chosen.peek(), into: into.peek() })}
        >
          Merge class
        </button>
      </form>
    </div>
  );
}
