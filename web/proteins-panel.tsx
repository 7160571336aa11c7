/** The table of proteins: what each is called, and its mixture. */
import { signal, useSignalEffect } from '@preact/signals';
import type { Proteins } from '../src/workbench/protocol';
import { get } from './server';
import { predicted, report, showOnly } from './state';

const table = signal<Proteins | null>(null);
const mostShown = 500;
const search = signal('');

export function ProteinsPanel() {
  useSignalEffect(() => {
    predicted.value;
    get<Proteins>('proteins').then((found) => {
      table.value = found;
    }, report);
  });
  if (!table.value) return <p>Loading.</p>;
  const { classes, proteins } = table.value;
  const wanted = search.value.toLowerCase();
  const found = proteins.filter(({ protein }) => protein.toLowerCase().includes(wanted));
  const percent = (share: number | undefined) => `${Math.round(100 * (share ?? 0))}%`;
  return (
    <div>
      <label>
        Search proteins
        <input
          type="search"
          value={search.value}
          onInput={({ currentTarget }) => {
            search.value = currentTarget.value;
          }}
        />
      </label>
      <table>
        <caption>
          {found.length > mostShown ? `The first ${mostShown} of ${found.length} proteins` : `${found.length} proteins`}
          . Intervals of 95% assume independent cells and calibrated posteriors.
        </caption>
        <thead>
          <tr>
            <th scope="col">Protein</th>
            <th scope="col">Cells</th>
            <th scope="col">Mixture</th>
          </tr>
        </thead>
        <tbody>
          {found.slice(0, mostShown).map((row) => (
            <tr key={row.protein}>
              <th scope="row">
                <button type="button" onClick={() => showOnly({ proteins: [row.protein] })}>
                  {row.protein}
                </button>
              </th>
              <td>{row.cells}</td>
              <td>
                {(row.mixture ?? [])
                  .map((share, i) => ({ share, i }))
                  .sort((a, b) => b.share - a.share)
                  .slice(0, 3)
                  .map(({ share, i }) => (
                    <div key={i} class="mixture">
                      <meter min={0} max={1} value={share} aria-label={classes[i] ?? ''} />
                      {classes[i]} {percent(share)} ({percent(row.low?.[i])} to {percent(row.high?.[i])})
                    </div>
                  ))}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
