import type { Command } from 'commander';
import { type ErrorCode, errorTable, exitStatus } from '../errors';
import { cudaProblems, cudaRows } from '../native/cuda-diagnosis';
import { type Diagnosis, diagnose } from '../native/diagnosis';
import { addExamples, deviceOption, jsonOption, withContext } from './options';

/** `deepyeast doctor` */
export function register(program: Command): void {
  const command = program
    .command('doctor')
    .description('Shows versions, processor, instruction sets and addon, and what is wrong with them.')
    .addOption(deviceOption())
    .addOption(jsonOption())
    .action(
      withContext<{ device: string }>(async (context, { device }) => {
        const diagnosis = await diagnose();
        if (context.json) await context.printJson(diagnosis);
        else await context.print(format(diagnosis, device));
        return statusOf(diagnosis, device);
      }),
    );
  addExamples(command, 'deepyeast doctor', 'deepyeast doctor --device cuda', 'deepyeast doctor --json > report.json');
}

function statusOf({ addon, computing, cuda }: Diagnosis, device: string): number {
  if (device === 'cuda' && !cuda.available) return exitStatus.device;
  if (!addon.loaded) return errorTable[addon.code satisfies ErrorCode].exit;
  return computing ? 0 : exitStatus.device;
}

/** With `--device cuda` whatever CUDA lacks is a problem. */
function format(diagnosis: Diagnosis, device: string): string {
  const { version, node, platform, processor, addon, computing, cache, cuda } = diagnosis;
  const problems = [...diagnosis.problems, ...(device === 'cuda' ? cudaProblems(cuda) : [])];
  const rows: [string, string][] = [
    ['deepyeast', version],
    ['Node.js', `${node.version} (Node-API ${node.napi})`],
    [
      'platform',
      `${platform.os} ${platform.arch}, ${platform.release}${platform.glibc ? `, glibc ${platform.glibc}` : ''}`,
    ],
    ['processor', `${processor.model}, ${processor.logicalCores} logical cores`],
    ['addon', addon.loaded ? `${addon.origin}, ${addon.path}` : 'not loaded'],
    ['instruction sets', computing ? computing.instructionSets.join(', ') : 'unknown'],
    ['computes on', computing ? `${computing.device}; the process may use ${computing.threads} threads` : 'nothing'],
    ['cache folder', `${cache.path} (${cache.writable ? 'writable' : 'not writable'})`],
    ...cudaRows(cuda),
  ];
  const width = Math.max(...rows.map(([name]) => name.length));
  const lines = rows.map(([name, value]) => `${name.padEnd(width)}  ${value}`);
  const verdict = problems.length === 0 ? ['No problem found.'] : problems.map((problem) => `Problem: ${problem}`);
  return `${[...lines, '', ...verdict].join('\n')}\n`;
}
