import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { DeepYeastError } from '../errors';
import { cacheFolder } from '../files/cache-folder';
import type { Addon } from './addon';
import { addonCandidates, type Candidate } from './candidates';
import { misfit } from './fit';
import { libcName, type Machine, processorFlags, readMachine } from './machine';
import { rememberedVerdict, tryNow, verdictPath } from './trial';

/** The package's folder: this file is src/native/load.ts or dist/native/load.js. */
const packageRoot = join(__dirname, '..', '..');

/** How it was made sure that a binary does not kill the process. */
export type Assurance =
  /** By a trial in a child process, now or earlier. */
  | 'tried'
  | 'remembered'
  /** The verdict of a trial could not be stored or reached: by the file's needs and the machine's flags and libc. */
  | 'checked'
  /** Not at all: DEEPYEAST_SKIP_TRIAL is set. */
  | 'skipped';

export interface LoadedAddon {
  addon: Addon;
  /** The .node file. */
  path: string;
  /** Whether it came with the package or was built on this machine. */
  origin: 'prebuilt' | 'built';
  assurance: Assurance;
  /** Binaries that were there before it, and why they were not taken. */
  refused: readonly Refusal[];
}

export interface Refusal {
  path: string;
  reason: string;
}

let loaded: LoadedAddon | undefined;

/**
 * The native addon: the one built on this machine, else a fitting prebuilt one. Loaded on first use.
 *
 * @throws addon-missing with every candidate and the reason why it could not be loaded
 */
export function loadAddon(): Addon {
  return locateAddon().addon;
}

/** As loadAddon, with where the binary is. */
export function locateAddon(): LoadedAddon {
  loaded ??= findAddon(packageRoot);
  return loaded;
}

/** Looks in a package folder; `variables` are those of the environment. */
export function findAddon(root: string, variables: NodeJS.ProcessEnv = process.env): LoadedAddon {
  const machine = readMachine();
  const refused: (Refusal & { absent: boolean })[] = [];
  const causes: unknown[] = [];
  for (const candidate of addonCandidates(root)) {
    const { path, origin, absent } = candidate;
    try {
      if (absent !== undefined) throw new Refused(absent);
      const assurance = assure(candidate, machine, variables);
      return {
        addon: load(path),
        path,
        origin,
        assurance,
        refused: refused.filter((one) => !one.absent).map(({ path, reason }) => ({ path, reason })),
      };
    } catch (cause) {
      // The first line: Node.js appends the stack of requires to it.
      const [reason = ''] = (cause instanceof Error ? cause.message : String(cause)).split('\n');
      refused.push({ path, reason: reason.replace(`${path}: `, ''), absent: absent !== undefined });
      if (!(cause instanceof Refused)) causes.push(cause);
    }
  }
  throw new DeepYeastError('addon-missing', explain(refused), { cause: causes[0] });
}

class Refused extends Error {}

function assure({ path }: Candidate, machine: Machine, variables: NodeJS.ProcessEnv): Assurance {
  if (isSet(variables.DEEPYEAST_SKIP_TRIAL)) return 'skipped';
  const file = verdictPath(cacheFolder(variables), path, machine, variables.DEEPYEAST_ISA);
  let verdict = rememberedVerdict(file);
  if (!verdict) {
    const reason = misfit(readFileSync(path), { flags: processorFlags(), libc: libcName() });
    if (reason !== undefined) throw new Refused(reason);
    verdict = tryNow(path, file, variables);
  }
  if (verdict.reason !== undefined) {
    const kept = verdict.from === 'remembered' ? ` at an earlier start (delete ${verdict.path} to try again)` : '';
    throw new Refused(verdict.reason + kept);
  }
  return verdict.from === 'unknown' ? 'checked' : verdict.from;
}

function isSet(value: string | undefined): boolean {
  return value !== undefined && value !== '' && value !== '0';
}

function load(path: string): Addon {
  const addon = require(path) as Addon;
  const { version } = require('../../package.json') as { version: string };
  if (addon.version !== version) {
    throw new Error(`it is of version ${addon.version}, the package of ${version}: it was left by an older build`);
  }
  addon.setErrorClass(DeepYeastError);
  return addon;
}

/** Every candidate with its reason, then what can be done about these reasons. */
function explain(refused: readonly Refusal[]): string {
  const libc = libcName();
  const { platform, arch, versions } = process;
  const reasons = refused.map(({ reason }) => reason).join('\n');
  const advice: string[] = [];
  if (/crashed with/.test(reasons)) {
    advice.push('set DEEPYEAST_ISA=portable, which keeps to the instructions that every processor has');
  }
  if (/cannot open shared object file/.test(reasons)) advice.push('install the library that is named above');
  if (/earlier version|older build/.test(reasons)) advice.push('remove the stale file');
  advice.push(
    'run `npm rebuild deepyeast`, which builds it here (needs a C++17 compiler, make and CMake); an installation with --ignore-scripts, or node_modules copied from another machine, needs that too',
    'where a bundler moved the package, mark deepyeast as external',
  );
  return [
    `the native addon could not be loaded on ${platform} ${arch}${libc ? ` (${libc})` : ''}, Node.js ${versions.node}. Tried:`,
    ...refused.map(({ path, reason }) => `  ${path}: ${reason}`),
    'What can be done:',
    ...advice.map((line) => `  - ${line}`),
  ].join('\n');
}
