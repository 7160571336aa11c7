// The CPUID instructions of a library for x86-64 Linux, made illegal so that answer-cpuid.c can answer in their place.
// Which of the bytes 0F A2 are instructions, a disassembler says: elsewhere they are parts of addresses and constants.
import { spawn } from 'node:child_process';
import { once } from 'node:events';

/** Addresses of the CPUID instructions in all executable sections of the file. */
export async function findCpuid(file) {
  const disassembler = spawn('objdump', ['--disassemble', '--no-show-raw-insn', file], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const closed = once(disassembler, 'close');
  const addresses = [];
  let rest = '';
  for await (const chunk of disassembler.stdout.setEncoding('latin1')) {
    const text = rest + chunk;
    const end = text.lastIndexOf('\n') + 1;
    for (const [, address] of text.slice(0, end).matchAll(/^ *([0-9a-f]+):\s+cpuid\s*$/gm)) {
      addresses.push(Number.parseInt(address, 16));
    }
    rest = text.slice(end);
  }
  const [status] = await closed;
  if (status !== 0) throw new Error(`objdump ended with ${status}`);
  return addresses;
}

/** The parts of the ELF file that are loaded as code: {address, offset, size}. */
function executableSegments(elf) {
  const first = Number(elf.readBigUInt64LE(32));
  const [size, count] = [elf.readUInt16LE(54), elf.readUInt16LE(56)];
  const [loaded, executable] = [1, 1];
  return Array.from({ length: count }, (_, i) => elf.subarray(first + i * size, first + (i + 1) * size))
    .filter((header) => header.readUInt32LE(0) === loaded && header.readUInt32LE(4) & executable)
    .map((header) => ({
      offset: Number(header.readBigUInt64LE(8)),
      address: Number(header.readBigUInt64LE(16)),
      size: Number(header.readBigUInt64LE(32)),
    }));
}

/**
 * Replaces the CPUID instructions (0F A2) at these addresses, in place, by CE A2: INTO, which 64-bit mode has not, so that
 * no compiler emits it (unlike UD2, its mark for what cannot happen). Throws where an address holds no CPUID.
 */
export function replaceCpuid(elf, addresses) {
  const segments = executableSegments(elf);
  for (const at of addresses) {
    const segment = segments.find(({ address, size }) => at >= address && at + 2 <= address + size);
    const offset = segment && at - segment.address + segment.offset;
    if (!segment || elf.readUInt16BE(offset) !== 0x0fa2)
      throw new Error(`no CPUID instruction at 0x${at.toString(16)}`);
    elf[offset] = 0xce;
  }
}
