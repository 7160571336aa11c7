import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join, relative } from 'node:path';

/** Every file below a folder as path -> SHA-256 of its bytes, every folder as path/ -> ''. Equal: the disk is as it was. */
export function folderSnapshot(root: string): Record<string, string> {
  const entries: Record<string, string> = {};
  const visit = (folder: string) => {
    for (const name of readdirSync(folder).sort()) {
      const path = join(folder, name);
      if (statSync(path).isDirectory()) {
        entries[`${relative(root, path)}/`] = '';
        visit(path);
      } else {
        entries[relative(root, path)] = createHash('sha256').update(readFileSync(path)).digest('hex');
      }
    }
  };
  visit(root);
  return entries;
}
