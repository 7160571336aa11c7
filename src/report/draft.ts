import type { Figure } from './figure';

/** A section under way: text, and figures that are drawn before it is put together. */
export interface Draft {
  id: string;
  title: string;
  parts: (string | Figure)[];
}

/** Proteins that a table of the page lists; all are in proteins' own table. */
export const listedRows = 400;
