/** What a library of Windows asks of its system, and what it gives. */
export interface Imports {
  machine: number;
  /** DLLs that are loaded together with it; those that are loaded when they are first needed stand elsewhere. */
  libraries: string[];
  exports: string[];
}

/** Reads a file in the 64-bit Portable Executable format (Microsoft's "PE Format"). */
export function readImports(file: Buffer): Imports {
  const header = file.readUInt32LE(0x3c);
  if (file.toString('latin1', header, header + 4) !== 'PE\0\0') throw new Error('no Portable Executable');
  const sections = file.readUInt16LE(header + 6);
  const optional = header + 24;
  if (file.readUInt16LE(optional) !== 0x20b) throw new Error('not of 64 bits');
  const table = optional + file.readUInt16LE(header + 20);
  const directory = (index: number) => file.readUInt32LE(optional + 112 + 8 * index);
  const at = (address: number): number => {
    for (let i = 0; i < sections; i++) {
      const section = table + 40 * i;
      const start = file.readUInt32LE(section + 12);
      if (address >= start && address < start + file.readUInt32LE(section + 8)) {
        return address - start + file.readUInt32LE(section + 20);
      }
    }
    throw new Error(`nothing is at address ${address}`);
  };
  const text = (address: number) => file.toString('latin1', at(address), file.indexOf(0, at(address)));
  const libraries: string[] = [];
  for (let entry = at(directory(1)); file.readUInt32LE(entry + 12) !== 0; entry += 20) {
    libraries.push(text(file.readUInt32LE(entry + 12)));
  }
  const exported = at(directory(0));
  const exportNames = at(file.readUInt32LE(exported + 32));
  return {
    machine: file.readUInt16LE(header + 4),
    libraries,
    exports: Array.from({ length: file.readUInt32LE(exported + 24) }, (_, i) =>
      text(file.readUInt32LE(exportNames + 4 * i)),
    ),
  };
}
