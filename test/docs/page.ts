/** A page of the documentation as blocks of commands and code, with what the comment above each says of its test. */

import { readFileSync } from 'node:fs';

export interface Example {
  /** Line of the fence in the page, from 1. */
  line: number;
  language: string;
  text: string;
  directive: Directive;
}

export type Directive =
  /** At a reduced scale where there are replacements: `small` for `large`. */
  | { kind: 'run'; replacements: { small: string; large: string }[] }
  /** In Python, where it has these modules; skipped elsewhere. */
  | { kind: 'python'; modules: string[] }
  | { kind: 'not run'; reason: string };

/** What holds data, output or nothing that could be run. */
const dataLanguages = ['', 'text', 'json', 'jsonl', 'csv', 'yaml'];

/** Every block of commands or code of a page; throws where one does not say how it is tested. */
export function readExamples(path: string): Example[] {
  const lines = readFileSync(path, 'utf8').split('\n');
  const examples: Example[] = [];
  for (let i = 0; i < lines.length; i++) {
    const fence = /^(\s*)(`{3,}|~{3,})\s*(\S*)/.exec(lines[i]!);
    if (!fence) continue;
    const end = lines.findIndex((line, j) => j > i && line.trim() === fence[2]);
    if (end < 0) throw new Error(`${path}:${i + 1}: the block does not end`);
    const language = fence[3]!;
    const text = lines
      .slice(i + 1, end)
      .map((line) => line.replace(fence[1]!, ''))
      .join('\n');
    if (!dataLanguages.includes(language)) {
      const example = { line: i + 1, language, text, directive: readDirective(lines[i - 1] ?? '', `${path}:${i + 1}`) };
      requireReplaced(example, path);
      examples.push(example);
    }
    i = end;
  }
  return examples;
}

function readDirective(line: string, where: string): Directive {
  const text = /^\s*<!-- example: (.*) -->$/.exec(line)?.[1];
  if (text === undefined) {
    throw new Error(
      `${where}: the line above says neither <!-- example: run --> nor <!-- example: not run (REASON) -->`,
    );
  }
  const reason = /^not run \((.+)\)$/.exec(text)?.[1];
  if (reason !== undefined) return { kind: 'not run', reason };
  const modules = /^run where Python has ([\w, ]+)$/.exec(text)?.[1];
  if (modules !== undefined) return { kind: 'python', modules: modules.split(', ') };
  const [, list] = /^run(?:, (.+))?$/.exec(text) ?? [];
  if (!text.startsWith('run') || (text !== 'run' && list === undefined))
    throw new Error(`${where}: cannot read "${text}"`);
  const replacements = (list?.split('; ') ?? []).map((item) => {
    const parts = item.split(' for ');
    if (parts.length !== 2) throw new Error(`${where}: "${item}" is no "SMALL for LARGE"`);
    return { small: parts[0]!, large: parts[1]! };
  });
  return { kind: 'run', replacements };
}

function requireReplaced({ line, text, directive }: Example, path: string): void {
  if (directive.kind !== 'run') return;
  for (const { large } of directive.replacements) {
    if (!text.includes(large)) throw new Error(`${path}:${line}: nothing to replace: the block has no "${large}"`);
  }
}

/** The block at the scale of the test. */
export function reduced({ text, directive }: Example): string {
  if (directive.kind !== 'run') return text;
  return directive.replacements.reduce((all, { small, large }) => all.replaceAll(large, small), text);
}

/** The command lines of a console block: those after "$ ", with the lines that go on after a backslash. */
export function commandsOf(text: string): string {
  const commands: string[] = [];
  let goesOn = false;
  for (const line of text.split('\n')) {
    if (!goesOn && !line.startsWith('$ ')) continue;
    commands.push(goesOn ? line : line.slice(2));
    goesOn = line.endsWith('\\');
  }
  return commands.join('\n');
}
