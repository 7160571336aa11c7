import { parseWholeNumber } from '../files/number';

/** ELF's e_machine of the processors that we know. */
const elfMachines: Readonly<Record<number, string>> = { 3: 'ia32', 40: 'arm', 62: 'x64', 183: 'arm64', 243: 'riscv64' };

/**
 * What the portable kernels are compiled for; the wider ones are picked at run time, by the processor's flags. `mark` is
 * in every list of this kind of processor: an emulator shows the flags of its host, which say nothing.
 */
const baseline: Readonly<Record<string, { mark: string; needed: string }>> = {
  x64: { mark: 'fpu', needed: 'sse2' },
  arm64: { mark: 'fp', needed: 'asimd' },
};

/**
 * Why a binary cannot run on a machine, as far as its bytes tell: another kind of file or processor, a newer glibc, a
 * missing baseline of instructions. Undefined where nothing speaks against it.
 */
export function misfit(
  binary: Buffer,
  { flags, libc }: { flags: readonly string[] | undefined; libc: string | null },
  arch: string = process.arch,
): string | undefined {
  if (process.platform !== 'linux') return undefined;
  if (binary.length < 64 || binary.toString('latin1', 0, 4) !== '\x7fELF')
    return 'it is no library of Linux (the file may be damaged)';
  const builtFor = elfMachines[binary.readUInt16LE(18)];
  if (builtFor !== arch) return `it is for ${builtFor ?? 'another processor'}, this process is ${arch}`;
  const [family, version] = libc?.split(' ') ?? [];
  const needed = neededGlibc(binary);
  if (needed && family === 'musl') return `it needs glibc ${needed.join('.')}, this system has musl`;
  if (
    needed &&
    family === 'glibc' &&
    version !== undefined &&
    isOlder(
      version.split('.').map((part) => parseWholeNumber(part) ?? 0),
      needed,
    )
  )
    return `it needs glibc ${needed.join('.')}, this system has ${version}`;
  const lists = baseline[arch];
  if (lists && flags?.includes(lists.mark) && !flags.includes(lists.needed))
    return `it needs the instruction set ${lists.needed}, which this processor lacks`;
  return undefined;
}

/** The newest version of glibc's symbols that an ELF file asks for. */
export function neededGlibc(binary: Buffer): [number, number] | undefined {
  let newest: [number, number] | undefined;
  for (const [, major, minor] of binary.toString('latin1').matchAll(/GLIBC_(\d+)\.(\d+)/g)) {
    const version: [number, number] = [parseWholeNumber(major as string) ?? 0, parseWholeNumber(minor as string) ?? 0];
    if (!newest || isOlder(newest, version)) newest = version;
  }
  return newest;
}

function isOlder(
  [major = 0, minor = 0]: readonly number[],
  [otherMajor = 0, otherMinor = 0]: readonly number[],
): boolean {
  return major < otherMajor || (major === otherMajor && minor < otherMinor);
}
