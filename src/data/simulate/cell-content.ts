/** Which compartments a drawn cell shows. */
import type { Compartment } from '../compartments';
import type { CellRequest } from './cell-request';
import { lookalikes } from './classes';
import type { Draws } from './draws';
import type { Content } from './scene';
import { difficultyNumbers } from './traits';

/** What is known of a cell before it is drawn. */
export type ContentRequest = Pick<CellRequest, 'compartment' | 'second' | 'protein' | 'difficulty' | 'classes'>;

export interface ChosenContent {
  readonly content: Content;
  /** The compartment whose protein is drawn: another than the protein's own where the label is wrong. */
  readonly truth: Compartment;
  /** The compartment that the cell looks like where that is another one, else ''. */
  readonly looks: Compartment | '';
}

/** What the cell shows: its protein's compartments, or another class's for the shares of `lookalikes` and wrong labels. */
export function chooseContent(request: ContentRequest, draws: Draws): ChosenContent {
  const { compartment, second, classes, protein } = request;
  const numbers = difficultyNumbers[request.difficulty];
  // Every number is drawn whatever the outcome, so that the difficulty changes as little else as possible.
  const wrong = draws.uniform() < numbers.wrongLabels && classes.length > 1;
  const other = classes[draws.integer(0, classes.length - 1)] as Compartment;
  const chance = draws.uniform();
  const part = draws.uniform();
  const truth = wrong ? other : compartment;
  const content: { compartment: Compartment; weight: number }[] = [{ compartment: truth, weight: 1 }];
  if (second && !wrong) {
    const share = draws.uniform(0.3, 0.7);
    return {
      content: [
        { compartment, weight: share },
        { compartment: second, weight: 1 - share },
      ],
      truth,
      looks: '',
    };
  }
  let left = chance;
  for (const [name, share] of Object.entries(lookalikes[truth])) {
    const looks = name as Compartment;
    left -= share * protein.ambiguity * numbers.lookalikes;
    if (left >= 0) continue;
    // Most are wholly like the other class, some in between.
    if (part < 0.65) return { content: [{ compartment: looks, weight: 1 }], truth, looks };
    const weight = 0.25 + 0.4 * ((part - 0.65) / 0.35);
    content.push({ compartment: looks, weight: 1 - weight });
    return { content: [{ compartment: truth, weight }, ...content.slice(1)], truth, looks };
  }
  return { content, truth, looks: '' };
}
