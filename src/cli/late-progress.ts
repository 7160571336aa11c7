import type { CommandContext } from './options';
import type { Progress } from './progress';

/** A progress bar that is made when the work says how much there is to do: with the first call of `update`. */
export interface LateProgress {
  update(done: number, total: number): void;
  finish(): void;
}

/** @param options.goesOn the first call tells what an earlier run has done, which is no work of this one */
export function lateProgress(
  context: Pick<CommandContext, 'progress'>,
  { label, unit, goesOn = false }: { label: string; unit: string; goesOn?: boolean },
): LateProgress {
  let bar: Progress | undefined;
  return {
    update: (done, total) => {
      bar ??= context.progress({ label, total, unit }, goesOn ? done : undefined);
      bar.update(done);
    },
    finish: () => bar?.finish(),
  };
}
