import type { Command } from 'commander';
import { type ErrorCode, errorTable, exitStatus } from '../errors';
import { type Diagnosis, diagnose } from '../native/diagnosis';
import { addExamples, jsonOption, withContext } from './options';

/** `deepyeast doctor` */
export function register(program: Command): void {
  const command = program
    .command('doctor')
    .description('Shows versions, processor, instruction sets and addon, and what is wrong with them.')
    .addOption(jsonOption())
    .action(
      withContext(async (context) => {
        const diagnosis = await diagnose();
        if (context.json) await context.printJson(diagnosis);
        else await context.print(format(diagnosis));
        return statusOf(diagnosis);
      }),
    );
  addExamples(command, 'deepyeast doctor', 'deepyeast doctor --json > report.json');
}

function statusOf({ addon, computing }: Diagnosis): number {
  if (!addon.loaded) return errorTable[addon.code satisfies ErrorCode].exit;
  return computing ? 0 : exitStatus.device;
}

function format(diagnosis: Diagnosis): string {
  const { version, node, platform, processor, addon, computing, cache, cuda, problems } = diagnosis;
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
    ['CUDA', cuda.available ? cuda.reason : `no: ${cuda.reason}`],
  ];
  const width = Math.max(...rows.map(([name]) => name.length));
  const lines = rows.map(([name, value]) => `${name.padEnd(width)}  ${value}`);
  const verdict = problems.length === 0 ? ['No problem found.'] : problems.map((problem) => `Problem: ${problem}`);
  return `${[...lines, '', ...verdict].join('\n')}\n`;
}
