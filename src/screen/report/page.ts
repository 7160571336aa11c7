/** The page of a screen's report: what stands in it without a script, its style and its script. */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { betaAssumption } from '../../proteins/dirichlet';
import { escapeHtml, pageStyle } from '../../report/page';
import type { ReportHead, ReportTables } from './screen-data';

/** The modules of the page's script; the last one starts it. */
const modules = [
  'elements',
  'data',
  'table',
  'colours',
  'plates',
  'cells',
  'wells',
  'proteins',
  'lists',
  'main',
] as const;

const asset = (name: string) => readFileSync(join(__dirname, 'page', name), 'utf8');

/** The modules in one script: a page that was opened from the disk may not load modules. */
export function reportScript(): string {
  const defined = modules.map((name) => `modules['./${name}'] = (exports, require) => {\n${asset(`${name}.js`)}};\n`);
  return `'use strict';
const modules = {};
const loaded = {};
function require(name) {
  if (!loaded[name]) modules[name]((loaded[name] = {}), require);
  return loaded[name];
}
${defined.join('')}require('./main');
`;
}

/** What the numbers mean, in words. */
function explanation(): string {
  const terms: readonly (readonly [term: string, meaning: string])[] = [
    [
      'Cells',
      'Every cell that was found and has a picture. Used cells are those that count for their protein. The others were left out, for the reason that their picture gives: a flag of the segmentation (such as border: cut off by the edge of the field), or non-cell: a detector took the picture for something else than one good cell.',
    ],
    [
      'Posterior of a class',
      'How probable the model finds it that the cell shows the protein in this compartment. The posteriors of a cell add up to 100%.',
    ],
    [
      'Mixture',
      "The posteriors of a protein's used cells, averaged: about the share of its cells that show it in each compartment. A protein that is called a compartment has its largest share there; the second compartment is the one with the next largest.",
    ],
    [
      '95% interval over fields',
      "How far the share would move if other fields had been taken: the protein's fields (or its cells, where it has one field) were drawn anew many times, and 95% of the shares so found lie within. This is the interval of the table of proteins.",
    ],
    [
      '95% interval of the model',
      `The interval of the protein's Dirichlet posterior, ${betaAssumption}. Cells of one field are not independent, so that it is often too narrow.`,
    ],
    [
      'Disagreement',
      "How far a well's mixture lies from those of the protein's other wells: the share of cells that would have to be elsewhere, 0% to 100%. The middle one of the distances to the other wells.",
    ],
    [
      'Focus',
      'Sharpness of a field; only comparable within a screen. The number of a well is the median over its fields, as are background, covered and saturated.',
    ],
    ['Covered', "Share of a field's area that is covered by cells."],
    ['Saturated', "Share of a field's pixels at the camera's highest level."],
    ['Dead', 'Share of the cells of a well that are flagged as dead.'],
    [
      'Flags of wells',
      'no-fields: none of its fields could be used. few-cells: so few cells count that they say little. out-of-focus, saturated: of at least half of its fields. dead: many of its cells look dead. disagrees: far from the other wells of its protein, beyond chance. A flagged well still counts for its protein: look at it and decide.',
    ],
    [
      'Edge effect',
      'The outermost wells of a plate differ from the inner ones by more than a tenth and by more than chance (Mann-Whitney test, P below 0.001), as they do where a plate dries out at its edge.',
    ],
  ];
  const entries = terms.map(([term, meaning]) => `<dt>${escapeHtml(term)}</dt><dd>${escapeHtml(meaning)}</dd>`);
  return `<h2 tabindex="-1">What the numbers mean</h2><dl class="terms">${entries.join('')}</dl>`;
}

/** index.html */
export function reportPage(
  { title, version }: ReportHead,
  { proteins, wells, fields }: Pick<ReportTables, 'proteins' | 'wells' | 'fields'>,
): string {
  const cells = fields.reduce((sum, { kept = 0 }) => sum + kept, 0);
  const used = fields.reduce((sum, field) => sum + field.used, 0);
  const numbers = [
    ['proteins', proteins.proteins.length],
    ['wells', wells.length],
    ['fields', fields.length],
    ['cells', cells],
    ['cells that count', used],
  ] as const;
  const shown = numbers.map(([name, value]) => `<div><dt>${name}</dt><dd>${value.toLocaleString('en')}</dd></div>`);
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src 'self' file: data:; style-src 'unsafe-inline'; script-src 'self' file:">
<title>${escapeHtml(title)}</title><link rel="icon" href="data:,"><style>${pageStyle()}${asset('screen.css')}</style></head>
<body><a class="skip" href="#view">Skip to the contents</a>
<header><h1>${escapeHtml(title)}</h1><dl class="numbers">${shown.join('')}</dl></header>
<nav aria-label="Parts of the report"><ul>
<li><a href="#plates">Plates</a></li><li><a href="#proteins">Proteins</a></li>
<li><a href="#look">Worth a look</a></li><li><a href="#numbers">What the numbers mean</a></li></ul></nav>
<main id="view" tabindex="-1"><p>The report needs the files beside this page, and JavaScript.</p></main>
<footer><p>Made by deepyeast ${escapeHtml(version)}.</p></footer>
<template id="explanation">${explanation()}</template>
<dialog id="cell-dialog" aria-labelledby="cell-title"><div id="cell-content"></div><form method="dialog"><button>Close</button></form></dialog>
<script src="page.js"></script></body></html>
`;
}
