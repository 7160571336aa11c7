/** Proteins that live in two compartments: are both among the most probable? (The paper: 21 of 24.) */
import type { Annotations } from './annotations';
import type { ProteinTable } from './dirichlet';

export interface TwoCompartmentProtein {
  protein: string;
  cells: number;
  compartments: [string, string];
  /** The three most probable classes, by the posterior mean; on a tie the lower one. */
  ranked: string[];
  /** Posterior mean of each of the two. */
  means: [number, number];
  amongTwo: boolean;
  amongThree: boolean;
}

export interface TwoCompartmentReport {
  proteins: TwoCompartmentProtein[];
  count: number;
  /** Both compartments are the two most probable classes. */
  amongTwo: number;
  /** Both are among the three most probable. */
  amongThree: number;
  /** Proteins annotated with two compartments of which the model does not know one. */
  unknownClass: number;
}

/**
 * Scores the proteins of a table that are annotated with exactly two compartments. Names of classes are compared
 * without regard to case.
 */
export function twoCompartments(table: ProteinTable, annotations: Annotations): TwoCompartmentReport {
  const classes = table.classes.map((name) => name.toLowerCase());
  const proteins: TwoCompartmentProtein[] = [];
  let unknownClass = 0;
  for (const row of table.proteins) {
    const places = annotations.get(row.protein);
    if (places?.length !== 2) continue;
    const [first, second] = places.map((place) => classes.indexOf(place.toLowerCase())) as [number, number];
    if (first < 0 || second < 0) {
      unknownClass++;
      continue;
    }
    const order = [...row.mean.keys()].sort((a, b) => (row.mean[b] as number) - (row.mean[a] as number) || a - b);
    const among = (most: number) => [first, second].every((c) => order.slice(0, most).includes(c));
    proteins.push({
      protein: row.protein,
      cells: row.cells,
      compartments: [table.classes[first] as string, table.classes[second] as string],
      ranked: order.slice(0, 3).map((c) => table.classes[c] as string),
      means: [row.mean[first] as number, row.mean[second] as number],
      amongTwo: among(2),
      amongThree: among(3),
    });
  }
  return {
    proteins,
    count: proteins.length,
    amongTwo: proteins.filter(({ amongTwo }) => amongTwo).length,
    amongThree: proteins.filter(({ amongThree }) => amongThree).length,
    unknownClass,
  };
}
