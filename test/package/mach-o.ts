/** What a library of macOS asks of its system. */
export interface LoadCommands {
  /** arm64 or x64. */
  processor: string;
  /** The oldest macOS that it runs on, as 11.0; undefined where it does not say. */
  leastVersion: string | undefined;
  libraries: string[];
  undefinedSymbols: string[];
  exportedSymbols: string[];
}

const processors: Record<number, string> = { 16777228: 'arm64', 16777223: 'x64' };
const [symbolTable, leastVersionOfMacOS, buildVersion] = [0x2, 0x24, 0x32];
/** LC_LOAD_DYLIB, weak, re-exported, lazy. */
const libraryCommands = new Set([0xc, 0x80000018, 0x8000001f, 0x20]);

/** Reads a file in the 64-bit Mach-O format (mach-o/loader.h, mach-o/nlist.h). */
export function readLoadCommands(file: Buffer): LoadCommands {
  if (file.readUInt32LE(0) !== 0xfeedfacf) throw new Error('no Mach-O file of 64 bits');
  const found: LoadCommands = {
    processor: processors[file.readUInt32LE(4)] ?? 'unknown',
    leastVersion: undefined,
    libraries: [],
    undefinedSymbols: [],
    exportedSymbols: [],
  };
  const text = (at: number) => file.toString('latin1', at, file.indexOf(0, at));
  const version = (number: number) => `${number >>> 16}.${(number >>> 8) & 255}`;
  let at = 32;
  for (let i = 0; i < file.readUInt32LE(16); i++) {
    const command = file.readUInt32LE(at);
    if (libraryCommands.has(command)) found.libraries.push(text(at + file.readUInt32LE(at + 8)));
    if (command === leastVersionOfMacOS) found.leastVersion = version(file.readUInt32LE(at + 8));
    if (command === buildVersion) found.leastVersion = version(file.readUInt32LE(at + 12));
    if (command === symbolTable) {
      const [symbols, count, strings] = [8, 12, 16].map((offset) => file.readUInt32LE(at + offset)) as [
        number,
        number,
        number,
      ];
      for (let s = 0; s < count; s++) {
        const symbol = symbols + 16 * s;
        const kind = file[symbol + 4] as number;
        // Not of a debugger, and external.
        if ((kind & 0xe0) !== 0 || (kind & 1) === 0) continue;
        const name = text(strings + file.readUInt32LE(symbol));
        if ((kind & 0x0e) === 0) found.undefinedSymbols.push(name);
        else if ((kind & 0x10) === 0) found.exportedSymbols.push(name);
      }
    }
    at += file.readUInt32LE(at + 4);
  }
  return found;
}
