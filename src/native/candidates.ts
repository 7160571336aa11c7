import { existsSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** Where an addon may be. */
export interface Candidate {
  /** The .node file, or the folder that should hold one. */
  path: string;
  origin: 'prebuilt' | 'built';
  /** Why there is nothing to load; absent where there is. */
  absent?: string;
}

interface Tags {
  file: string;
  libc?: string;
}

/** What node-gyp-build exports of its naming rules: prebuilds/PLATFORM-ARCH/NAME.TAGS.node. */
interface NamingRules {
  parseTags(file: string): Tags | undefined;
  matchTags(runtime: string, abi: string): (tags: Tags | undefined) => boolean;
  compareTags(runtime: string): (a: Tags, b: Tags) => number;
  parseTuple(name: string): { name: string } | undefined;
  matchTuple(platform: string, arch: string): (tuple: { name: string } | undefined) => boolean;
}

/**
 * The addons of a package folder in the order in which they are tried: the one built on this machine, which somebody
 * wanted, then the prebuilt ones for this platform, processor and C library: those that the package holds, else those of
 * the packages that npm installs beside it. They are looked for when it comes to them.
 */
export function* addonCandidates(root: string): Generator<Candidate> {
  yield builtOn(root);
  const beside = platformPackages(root);
  if (existsSync(join(root, 'prebuilds')) || beside.length === 0) yield* prebuiltIn(root);
  for (const folder of beside) yield* prebuiltIn(folder);
}

/** Folders of the packages with the prebuilt addons of this platform: npm may have installed that of one C library or both. */
function platformPackages(root: string): string[] {
  const { platform, arch } = process;
  const names = platform === 'linux' ? [`linux-${arch}`, `linuxmusl-${arch}`] : [`${platform}-${arch}`];
  return names.flatMap((name) => {
    try {
      return dirname(require.resolve(`@deepyeast/${name}/package.json`, { paths: [root] }));
    } catch {
      return [];
    }
  });
}

function builtOn(root: string): Candidate {
  const folder = join(root, 'build', 'Release');
  const name = 'deepyeast.node';
  const path = join(folder, name);
  return list(folder).includes(name)
    ? { path, origin: 'built' }
    : { path, origin: 'built', absent: 'it was not built on this machine' };
}

function prebuiltIn(root: string): Candidate[] {
  const { parseTags, matchTags, compareTags, parseTuple, matchTuple } = require('node-gyp-build') as NamingRules;
  const folder = join(root, 'prebuilds');
  const { platform, arch, versions } = process;
  const platforms = list(folder);
  const matching = platforms.map(parseTuple).filter(matchTuple(platform, arch)) as { name: string }[];
  if (matching.length === 0) {
    const others = platforms.length > 0 ? `only for ${platforms.join(', ')}` : 'for no platform at all';
    const absent = `the package holds prebuilt addons ${others}`;
    return [{ path: join(folder, `${platform}-${arch}`), origin: 'prebuilt', absent }];
  }
  const runtime = versions.electron ? 'electron' : 'node';
  return matching.flatMap(({ name }): Candidate[] => {
    const parsed = list(join(folder, name)).flatMap((file) => parseTags(file) ?? []);
    const fitting = parsed.filter(matchTags(runtime, versions.modules));
    const rest = parsed.filter((tags) => !fitting.includes(tags));
    return [
      ...fitting
        .sort(compareTags(runtime))
        .map(({ file }): Candidate => ({ path: join(folder, name, file), origin: 'prebuilt' })),
      ...rest.map(
        ({ file, libc }): Candidate => ({
          path: join(folder, name, file),
          origin: 'prebuilt',
          absent: libc ? `it is for systems with ${libc}` : 'it is for another run time',
        }),
      ),
    ];
  });
}

function list(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}
