/** How two conditions are compared: options that `proteins --against` and `screen compare` share. */

import { type Command, Option } from 'commander';
import type { ChangeOptions } from '../proteins';
import { type CommandContext, realNumber, wholeNumber } from './options';

export interface ChangeCommandOptions {
  permutations: number;
  fdr: number;
  seed: number;
}

/** Adds --permutations and --fdr. */
export function addChangeOptions(command: Command): Command {
  return command
    .addOption(
      new Option('--permutations <count>', 'random permutations where not all can be tried')
        .default(9999)
        .argParser(wholeNumber(1, 10_000_000)),
    )
    .addOption(
      new Option('--fdr <rate>', 'false discovery rate at which a protein has moved')
        .default(0.05)
        .argParser(realNumber(1e-9, 0.999)),
    );
}

/** As the library takes them. */
export function changeOptions(
  context: CommandContext,
  { permutations, fdr, seed }: ChangeCommandOptions,
): ChangeOptions {
  return { permutations, falseDiscoveryRate: fdr, seed, signal: context.signal };
}
