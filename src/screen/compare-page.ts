/** The page of a comparison of two screens. */

import type { ChangeTable, ProteinChange } from '../proteins';
import { drawFigure } from '../report/figure';
import { volcanoFigure } from '../report/figures';
import {
  escapeHtml,
  figureHtml,
  numberCell,
  type PageSection,
  pageHtml,
  paragraph,
  percentCell,
  percentText,
  pictureHtml,
  tableHtml,
} from '../report/page';

export interface ComparisonContents {
  table: ChangeTable;
  /** In the order in which they are shown. */
  moved: readonly ProteinChange[];
  /** Those whose cells are shown: the first of `moved`. */
  pictured: readonly ProteinChange[];
  /** Cells in the picture of each, in both screens. */
  shown: readonly (readonly number[])[];
  /** Of the screen asked about, and of the one it is held against. */
  names: readonly [string, string];
  /** Folder with the pictures INDEX-0.jpg and INDEX-1.jpg. */
  pictures: string;
}

const numeric = true;

/** index.html of a comparison. */
export async function comparisonPage(contents: ComparisonContents): Promise<string> {
  const { table, moved, names } = contents;
  const volcano = volcanoFigure(table.proteins);
  const { svg } = await drawFigure(volcano);
  const sections: PageSection[] = [
    { id: 'summary', title: 'Summary', html: summary(contents) },
    {
      id: 'moved',
      title: 'Proteins that moved',
      html: (table.tested > 0 ? figureHtml(volcano.title, volcano.description, svg) : '') + movedTable(moved, names),
    },
    { id: 'cells', title: 'Their cells in both screens', html: proteinsHtml(contents) },
  ];
  return pageHtml({ title: `${names[0]} against ${names[1]}`, sections, images: {}, details: {}, withFiles: true });
}

function summary({ table, moved, names: [here, there] }: ComparisonContents): string {
  const { tested, falseDiscoveryRate, proteins, onlyIn, onlyInAgainst } = table;
  return [
    paragraph(
      `${moved.length} of ${tested} tested proteins moved between ${there} and ${here}, at a false discovery rate of ` +
        `${percentText(falseDiscoveryRate, 0)}: of those listed, about so many are expected to be there by chance.`,
    ),
    paragraph(
      `${proteins.length - tested} more have too few fields to be tested. ${onlyIn} are in ${here} only, ` +
        `${onlyInAgainst} in ${there} only.`,
    ),
    paragraph(
      "A protein's mixture is the share of its cells that the model finds in each compartment. The distance of two mixtures " +
        'is the share of cells that are elsewhere, 0% to 100%. P is the share of the ways to deal the fields out to the two ' +
        'screens that give at least this distance; q is P adjusted for the number of proteins tested. ' +
        'Two screens also differ in their plates, days and light: a change that many proteins share need not be biology.',
    ),
  ].join('');
}

function movedTable(moved: readonly ProteinChange[], [here, there]: readonly [string, string]): string {
  if (moved.length === 0) return paragraph('No protein moved.');
  return tableHtml(
    'Proteins that moved',
    [
      { title: 'protein' },
      { title: `called in ${there}` },
      { title: `called in ${here}` },
      { title: 'distance', numeric },
      { title: 'most changed' },
      { title: 'its change', numeric },
      { title: 'p', numeric },
      { title: 'q', numeric },
      { title: `cells in ${there}`, numeric },
      { title: `cells in ${here}`, numeric },
    ],
    moved.map((row) => [
      row.protein,
      row.predictedAgainst,
      row.predicted,
      percentCell(row.distance),
      row.changedClass,
      percentCell(row.change),
      numberCell(row.p, 4),
      numberCell(row.q, 4),
      numberCell(row.cellsAgainst),
      numberCell(row.cells),
    ]),
  );
}

function proteinsHtml({ table, moved, pictured, shown, names: [here, there], pictures }: ComparisonContents): string {
  if (pictured.length === 0) return paragraph('No protein moved.');
  const introduction = paragraph(
    'Cells are shown from the highest to the lowest posterior of the compartment that changed most, in even steps: what the ' +
      `cells of the protein are like, not its best ones.${moved.length > pictured.length ? ` The first ${pictured.length} proteins are shown.` : ''}`,
  );
  const proteins = pictured.map((row, index) => {
    const mixture = tableHtml(
      `Mixtures of ${row.protein}`,
      [{ title: 'compartment' }, { title: there, numeric }, { title: here, numeric }, { title: 'change', numeric }],
      table.classes.map((name, c) => {
        const [after, before] = [row.mixture[c] as number, row.mixtureAgainst[c] as number];
        return [name, percentCell(before), percentCell(after), percentCell(after - before)];
      }),
    );
    const picture = (side: 0 | 1, name: string) => {
      const count = shown[side]?.[index] ?? 0;
      if (count === 0) return paragraph(`${name}: no cells.`);
      const description = `${count} cells of ${row.protein}, by their posterior of ${row.changedClass}.`;
      return pictureHtml(name, description, `${pictures}/${index}-${side}.jpg`);
    };
    return `<h3>${escapeHtml(row.protein)}</h3>${paragraph(
      `${row.predictedAgainst} in ${there}, ${row.predicted} in ${here}; distance ${percentText(row.distance)}, q ${(row.q as number).toPrecision(2)}.`,
    )}${mixture}${picture(1, there)}${picture(0, here)}`;
  });
  return introduction + proteins.join('\n');
}
