/** A plate as a heat map: a well goes into the grid. */
import { signal, useSignalEffect } from '@preact/signals';
import type { PlateHeat, Plates } from '../src/workbench/protocol';
import { get, Refusal } from './server';
import { journal, predicted, report, showOnly } from './state';

const plates = signal<Plates | null>(null);
const plate = signal(0);
const column = signal('');
const heat = signal<PlateHeat | null>(null);

export function PlatesPanel() {
  useSignalEffect(() => {
    predicted.value;
    get<Plates>('plates').then((found) => {
      plates.value = found;
      if (!found.columns.includes(column.peek())) column.value = found.columns[0] ?? '';
    }, report);
  });
  useSignalEffect(() => {
    journal.value;
    if (!plates.value || plates.value.plates.length === 0) return;
    get<PlateHeat>(`plates/${plate.value}?column=${encodeURIComponent(column.value)}`).then(
      (found) => {
        heat.value = found;
      },
      (error) => {
        if (!(error instanceof Refusal && error.code === 'not-available')) report(error);
      },
    );
  });
  if (!plates.value) return <p>Loading.</p>;
  if (plates.value.plates.length === 0) return <p>The cells have no plates.</p>;
  const shown = heat.value;
  const values = (shown?.wells ?? []).flatMap(({ value }) => (value === null ? [] : [value]));
  const low = values.reduce((least, value) => Math.min(least, value), Infinity);
  const high = values.reduce((most, value) => Math.max(most, value), -Infinity);
  return (
    <div>
      <label>
        Plate
        <select
          value={plate.value}
          onChange={({ currentTarget }) => {
            plate.value = Number(currentTarget.value);
          }}
        >
          {plates.value.plates.map((name, i) => (
            <option key={name} value={i}>
              {name}
            </option>
          ))}
        </select>
      </label>
      <label>
        Value
        <select
          value={column.value}
          onChange={({ currentTarget }) => {
            column.value = currentTarget.value;
          }}
        >
          {plates.value.columns.map((name) => (
            <option key={name}>{name}</option>
          ))}
        </select>
      </label>
      <div class="plate" style={{ gridTemplateColumns: `repeat(${shown?.columns ?? 1}, 1fr)` }}>
        {shown?.wells.map((well) => {
          const share = well.value === null || high === low ? 0 : (well.value - low) / (high - low);
          const value = well.value === null ? 'not known' : well.value.toPrecision(3);
          return (
            <button
              key={well.well}
              type="button"
              title={`${well.well}: ${value}, ${well.cells} cells, ${well.proteins.join(', ')}`}
              aria-label={`${well.well}: ${value}, ${well.cells} cells`}
              style={{
                gridRow: well.row + 1,
                gridColumn: well.position + 1,
                background: `hsl(205 70% ${90 - 65 * share}%)`,
              }}
              onClick={() => showOnly({ plates: [shown.plate], wells: [well.well] })}
            />
          );
        })}
      </div>
    </div>
  );
}
