import type { Command } from 'commander';
import { type ErrorCode, errorTable, exitStatus } from '../errors';
import { cudaProblems, cudaRows } from '../native/cuda-diagnosis';
import { type Diagnosis, diagnose } from '../native/diagnosis';
import { allowedError, type SelfTest } from '../native/self-test';
import { addExamples, deviceOption, jsonOption, withContext } from './options';

interface DoctorOptions {
  selfTest: boolean;
  device: string;
}

/** `deepyeast doctor` */
export function register(program: Command): void {
  const command = program
    .command('doctor')
    .description(
      'Shows versions, processor, instruction sets and addon, computes a known network on known images with every ' +
        'backend, and says what is wrong. Its output is what a bug report needs.',
    )
    .option('--no-self-test', 'do not compute anything')
    .addOption(deviceOption())
    .addOption(jsonOption())
    .action(
      withContext<DoctorOptions>(async (context, options) => {
        const diagnosis = await diagnose(process.env, { selfTest: options.selfTest });
        if (context.json) await context.printJson(diagnosis);
        else await context.print(format(diagnosis, options.device));
        return statusOf(diagnosis, options.device);
      }),
    );
  addExamples(
    command,
    'deepyeast doctor',
    'deepyeast doctor --device cuda --no-self-test',
    'deepyeast doctor --json > report.json',
  );
}

function statusOf({ addon, computing, selfTest, cuda }: Diagnosis, device: string): number {
  if (device === 'cuda' && !cuda.available) return exitStatus.device;
  if (!addon.loaded) return errorTable[addon.code satisfies ErrorCode].exit;
  const sound = computing && (selfTest ?? []).every(({ passed }) => passed);
  return sound ? 0 : exitStatus.device;
}

/** With `--device cuda` whatever CUDA lacks is a problem. */
function format(diagnosis: Diagnosis, device: string): string {
  const { version, node, platform, processor, addon, computing, cache, cuda } = diagnosis;
  const problems = [...diagnosis.problems, ...(device === 'cuda' ? cudaProblems(cuda) : [])];
  const rows: [string, string][] = [
    ['deepyeast', version],
    ['Node.js', `${node.version} (Node-API ${node.napi})`],
    ['platform', `${platform.os} ${platform.arch}, ${platform.release}${platform.libc ? `, ${platform.libc}` : ''}`],
    ['processor', `${processor.model}, ${processor.logicalCores} logical cores`],
    ['addon', addon.loaded ? `${addon.origin}, ${assurances[addon.assurance]}, ${addon.path}` : 'not loaded'],
    ...(addon.loaded ? addon.refused : []).map(({ path, reason }): [string, string] => [
      'not taken',
      `${path}: ${reason}`,
    ]),
    ['instruction sets', computing ? computing.instructionSets.join(', ') : 'unknown'],
    ['computes on', computing ? `${computing.device}; the process may use ${computing.threads} threads` : 'nothing'],
    ['cache folder', `${cache.path} (${cache.writable ? 'writable' : 'not writable'})`],
    ...cudaRows(cuda),
    ...(diagnosis.selfTest ?? []).map((result): [string, string] => [`self-test ${result.backend}`, describe(result)]),
  ];
  const width = Math.max(...rows.map(([name]) => name.length));
  const lines = rows.map(([name, value]) => `${name.padEnd(width)}  ${value}`);
  const verdict = problems.length === 0 ? ['No problem found.'] : problems.map((problem) => `Problem: ${problem}`);
  return `${[...lines, '', ...verdict].join('\n')}\n`;
}

const assurances = {
  tried: 'tried in a process of its own just now',
  remembered: 'tried in a process of its own before',
  checked: "not tried, checked against the machine's flags and libc",
  skipped: 'not tried (DEEPYEAST_SKIP_TRIAL is set)',
} as const;

function describe({ passed, error, imagesPerSecond, failure }: SelfTest): string {
  if (!passed) return `FAILED: ${failure}`;
  return `passed, error ${error?.toExponential(1)} (allowed ${allowedError}), ${imagesPerSecond?.toFixed(1)} images/s`;
}
