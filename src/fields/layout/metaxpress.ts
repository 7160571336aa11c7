/** The file (PLATE.HTD) in which MetaXpress notes a plate's settings, one `"Name", value` a line. */

import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { fileError } from '../../errors';
import { parseWholeNumber } from '../../files/number';
import type { FoundPlanes, PlateNotes, SourceFiles } from './found-plane';

/** Bytes that are read; such a file has a few thousand. */
const mostBytes = 2 ** 20;

/** Reads the names of the wavelengths. Where several plates give a wavelength different names it has none. */
export async function readMetaXpressNotes(files: SourceFiles, found: FoundPlanes): Promise<PlateNotes> {
  const notes = files.paths.filter((path) => /\.htd$/i.test(path));
  const names = new Map<string, Set<string>>();
  for (const path of notes) {
    for (const [, channel, name] of (await readStart(join(files.root, path))).matchAll(
      /^"WaveName(\d{1,3})",[ \t]*"([^"\r\n]*)"/gm,
    )) {
      const id = String(parseWholeNumber(channel as string));
      const known = names.get(id) ?? new Set();
      if (name) names.set(id, known.add(name));
    }
  }
  const channelNames = new Map<string, string>();
  for (const [id, known] of names) {
    const [name] = known;
    if (known.size === 1) channelNames.set(id, name as string);
    else found.warning(`w${id} is named ${[...known].join(', ')} in different .HTD files: give its number`);
  }
  return { files: new Set(notes), channelNames, of: () => ({}) };
}

async function readStart(path: string): Promise<string> {
  try {
    const file = await open(path);
    try {
      const buffer = Buffer.alloc(Math.min(mostBytes, (await file.stat()).size));
      const { bytesRead } = await file.read(buffer, 0, buffer.length, 0);
      // MetaXpress writes the encoding of Windows, whose ASCII is all that is looked at but for the names.
      return buffer.toString('latin1', 0, bytesRead);
    } finally {
      await file.close();
    }
  } catch (error) {
    throw fileError('read', path, error);
  }
}
