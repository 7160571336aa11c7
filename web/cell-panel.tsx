/** One cell: its picture, its field, what the classifier says of it, and who it resembles. */
import { signal, useSignalEffect } from '@preact/signals';
import type { CellDetail } from '../src/workbench/protocol';
import { drawing } from './display';
import { get } from './server';
import { current, journal, outside, predicted, queued, report, rowAt, rowsChanged, session, showOnly } from './state';

const detail = signal<CellDetail | null>(null);
let asked = 0;

export function CellPanel() {
  useSignalEffect(() => {
    rowsChanged.value;
    journal.value;
    predicted.value;
    const cell = outside.value ?? rowAt(current.value)?.cell;
    const mine = ++asked;
    if (cell === undefined) return;
    get<CellDetail>(`cells/${cell}`).then((found) => {
      if (mine === asked) detail.value = found;
    }, report);
  });
  const cell = detail.value;
  const known = session.value;
  if (!cell || !known) return <p>No cell is selected.</p>;
  const { row, posterior, neighbours, protein, history } = cell;
  const label = row.label === null ? row.state : (known.classes[row.label]?.name ?? '');
  const ranked = (posterior ?? [])
    .map((share, i) => ({ share, name: known.calledClasses[i] ?? '' }))
    .sort((a, b) => b.share - a.share);
  return (
    <div>
      {queued.value?.cell === row.cell && <p class="reason">{queued.value.text}</p>}
      <img class="picture" src={`/api/cells/${row.cell}/picture.png?${drawing(4)}`} alt={`cell ${row.name}`} />
      <dl>
        <dt>Cell</dt>
        <dd>{row.name}</dd>
        <dt>Label</dt>
        <dd id="label">
          {label} ({row.state})
        </dd>
        <dt>Protein</dt>
        <dd>
          {row.protein === '' ? (
            'none'
          ) : (
            <button type="button" onClick={() => showOnly({ proteins: [row.protein] })}>
              {row.protein}
              {protein ? `: ${protein.cells} cells` : ''}
            </button>
          )}
        </dd>
        <dt>Well</dt>
        <dd>{[row.plate, row.well, row.field].filter(Boolean).join(' · ') || 'none'}</dd>
      </dl>
      {ranked.length > 0 && <h2>Posterior</h2>}
      <ul class="bars">
        {ranked.slice(0, 8).map(({ share, name }) => (
          <li key={name}>
            <span>{name}</span>
            <meter min={0} max={1} value={share} aria-label={name} />
            <span>{share.toFixed(3)}</span>
          </li>
        ))}
      </ul>
      {neighbours && neighbours.length > 0 && <h2>Most similar</h2>}
      <div class="neighbours">
        {neighbours?.map((near) => (
          <button
            key={near.cell}
            type="button"
            aria-label={`cell in row ${near.cell}, similarity ${near.similarity.toFixed(2)}`}
            onClick={() => {
              outside.value = near.cell;
            }}
          >
            <img src={`/api/cells/${near.cell}/picture.png?${drawing(1)}`} alt="" />
          </button>
        ))}
      </div>
      {known.has.fields && (
        <>
          <h2>Field</h2>
          <img class="field" src={`/api/cells/${row.cell}/field.png`} alt="its field with outlines" />
        </>
      )}
      {history.length > 0 && <h2>Answers</h2>}
      <ol>
        {history.map(({ sequence, who, when, answer }) => (
          <li key={sequence}>
            {'class' in answer ? known.classes[answer.class]?.name : answer.state}, {who}, {when}
          </li>
        ))}
      </ol>
    </div>
  );
}
