import { parse, resolve } from 'node:path';
import { DeepYeastError } from '../errors';
import type { ChannelChoice } from './image-file';
import { cellName, describeCell, type ImportPlan, type PlannedCell } from './import-plan';
import { parsePathPattern } from './path-pattern';

/**
 * The plan of images named one by one, each a cell without a label. A pattern is matched against the end of each path;
 * a file that does not match is a protein of its own.
 * @throws invalid-argument for a pattern with {channel}, which needs a folder to find a cell's other files in
 */
export function planImageFiles(
  files: readonly string[],
  options: { pattern?: string; channels?: readonly ChannelChoice[] } = {},
): ImportPlan {
  const pattern = parsePathPattern(options.pattern ?? '*');
  if (pattern.names.includes('channel')) {
    throw new DeepYeastError(
      'invalid-argument',
      `the pattern ${pattern.text} has {channel}, expected a folder then, in which a cell's files are found together`,
    );
  }
  const names = new Set<string>();
  const root = parse(resolve('.')).root;
  const cells = files.map((file): PlannedCell => {
    const path = file.replaceAll('\\', '/');
    const parts = pattern.match(
      path
        .split('/')
        .slice(-1 - pattern.depth)
        .join('/'),
    );
    const name = cellName(path, names);
    names.add(name);
    // Relative to the root, as a plan has one source folder and the files may be anywhere.
    return { cell: describeCell(name, path, parts ?? {}), files: [resolve(file).slice(root.length)] };
  });
  return {
    source: root,
    classes: [],
    channels: options.channels ?? [{ name: 'rfp' }, { name: 'gfp' }],
    filePerChannel: false,
    extraColumns: pattern.names.filter((name) => !(name in describeCell('', '', {})) && name !== 'class'),
    cells,
    warnings: [],
  };
}
