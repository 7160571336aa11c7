/**
 * A path as it stands in tables and patterns, with `/` on every system. On Windows people write `\`, which elsewhere is a
 * letter of a name.
 */
export function withSlashes(path: string, platform: NodeJS.Platform = process.platform): string {
  return platform === 'win32' ? path.replaceAll('\\', '/') : path;
}
