import { join, sep } from 'node:path';
import { DeepYeastError } from '../errors';
import type { Addon } from './addon';

/** The package's folder: this file is src/native/load.ts or dist/native/load.js. */
const packageRoot = join(__dirname, '..', '..');

export interface LoadedAddon {
  addon: Addon;
  /** The .node file. */
  path: string;
  /** Whether it came with the package or was built on this machine. */
  origin: 'prebuilt' | 'built';
}

let loaded: LoadedAddon | undefined;

/**
 * The native addon: a fitting prebuilt binary, else the one built at installation. Loaded on first use.
 *
 * @throws addon-missing with every reason why it could not be loaded
 */
export function loadAddon(): Addon {
  return locateAddon().addon;
}

/** As loadAddon, with where the binary is. */
export function locateAddon(): LoadedAddon {
  if (loaded) return loaded;
  let path: string | undefined;
  try {
    path = (require('node-gyp-build') as { path(root: string): string }).path(packageRoot);
    const addon = require(path) as Addon;
    const { version } = require('../../package.json') as { version: string };
    if (addon.version !== version) {
      throw new Error(`it is of version ${addon.version}, the package of ${version}: it was left by an older build`);
    }
    addon.setErrorClass(DeepYeastError);
    loaded = { addon, path, origin: path.includes(`${sep}prebuilds${sep}`) ? 'prebuilt' : 'built' };
    return loaded;
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new DeepYeastError(
      'addon-missing',
      `the native addon could not be loaded${path ? ` from ${path}` : ''} on ${process.platform} ${process.arch}, ` +
        `Node ${process.versions.node}: ${reason}; run \`npm rebuild deepyeast\``,
      { cause },
    );
  }
}
