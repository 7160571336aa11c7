import { homedir } from 'node:os';
import { join } from 'node:path';

/**
 * The folder for what may be deleted at any time and is never required: DEEPYEAST_CACHE, else the one that the platform
 * has for caches.
 */
export function cacheFolder(variables: NodeJS.ProcessEnv = process.env): string {
  if (variables.DEEPYEAST_CACHE) return variables.DEEPYEAST_CACHE;
  if (process.platform === 'darwin') return join(homedir(), 'Library', 'Caches', 'deepyeast');
  if (process.platform === 'win32') {
    return join(variables.LOCALAPPDATA || join(homedir(), 'AppData', 'Local'), 'deepyeast', 'Cache');
  }
  return join(variables.XDG_CACHE_HOME || join(homedir(), '.cache'), 'deepyeast');
}
