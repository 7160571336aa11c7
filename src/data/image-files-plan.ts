import { parse, posix, resolve } from 'node:path';
import { DeepYeastError } from '../errors';
import type { ChannelChoice } from './image-file';
import { cellName, describeCell, extraColumns, type ImportPlan, type PlannedCell } from './import-plan';
import { parsePathPattern, readPaths } from './path-pattern';

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
  const paths = files.map((file) => posix.normalize(file.replaceAll('\\', '/')));
  const listed = new Map<string, string>();
  for (const file of files) {
    const earlier = listed.get(resolve(file));
    if (earlier !== undefined) {
      throw new DeepYeastError('invalid-argument', `${file} is the image ${earlier}, expected each image once`);
    }
    listed.set(resolve(file), file);
  }
  const read = readPaths(
    pattern,
    paths.map((path) =>
      path
        .split('/')
        .slice(-1 - pattern.depth)
        .join('/'),
    ),
  );
  const cells = paths.map((path, i): PlannedCell => {
    const name = cellName(path, names);
    names.add(name);
    // Relative to the root, as a plan has one source folder and the files may be anywhere.
    return {
      cell: describeCell(name, path, read.parts[i] ?? {}),
      files: [resolve(files[i] as string).slice(root.length)],
    };
  });
  return {
    source: root,
    classes: [],
    channels: options.channels ?? [{ name: 'rfp' }, { name: 'gfp' }],
    filePerChannel: false,
    extraColumns: extraColumns(pattern),
    cells,
    warnings: read.warnings,
  };
}
