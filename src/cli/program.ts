import { Command, CommanderError } from 'commander';
import { DeepYeastError, type ErrorCode, errorTable, exitStatus } from '../errors';
import { packageVersion } from '../package-version';
import { type Environment, setEnvironment } from './options';
import { jsonLine, plainText } from './plain-text';

/** The commands in the order of the help. A command line loads the one it names: none waits for what another needs. */
const commands: Readonly<Record<string, () => Promise<{ register(program: Command): void }>>> = {
  screen: () => import('./screen.js'),
  cells: () => import('./cells.js'),
  import: () => import('./import.js'),
  split: () => import('./split.js'),
  train: () => import('./train.js'),
  evaluate: () => import('./evaluate.js'),
  predict: () => import('./predict.js'),
  proteins: () => import('./proteins.js'),
  features: () => import('./features.js'),
  gallery: () => import('./gallery.js'),
  model: () => import('./model.js'),
  download: () => import('./download.js'),
  forest: () => import('./forest.js'),
  doctor: () => import('./doctor.js'),
  calibrate: () => import('./calibrate.js'),
  annotations: () => import('./annotations.js'),
  compare: () => import('./compare.js'),
  quality: () => import('./quality.js'),
  adapt: () => import('./adapt.js'),
  transfer: () => import('./transfer.js'),
  report: () => import('./report.js'),
  workbench: () => import('./workbench.js'),
  explain: () => import('./explain.js'),
  demo: () => import('./demo.js'),
  simulate: () => import('./simulate.js'),
};

/** The command line as a commander program, with the one command that `argv` names or else with all of them. */
export async function createProgram(argv: readonly string[], environment: Environment): Promise<Command> {
  const json = argv.includes('--json');
  const program = new Command('deepyeast')
    .description('Which compartment of a yeast cell holds the tagged protein.')
    .version(packageVersion())
    // A command and its subcommands may have options of the same names.
    .enablePositionalOptions()
    .exitOverride()
    .showHelpAfterError('(deepyeast <command> --help shows the options and an example)')
    .configureOutput({
      writeOut: (text) => environment.stdout.write(plainText(text)),
      writeErr: (text) => {
        if (!json) environment.stderr.write(plainText(text));
      },
    });
  setEnvironment(program, environment);
  const [name = ''] = argv;
  const load = Object.hasOwn(commands, name) ? [commands[name]] : Object.values(commands);
  for (const loadCommand of load) (await loadCommand?.())?.register(program);
  return program;
}

/**
 * Runs one command line (`argv` without node and script) and returns its exit status. Errors are printed: to stderr, or
 * as `{"error": {...}}` on stdout with --json.
 */
export async function runCommandLine(argv: readonly string[], environment: Environment): Promise<number> {
  const json = argv.includes('--json');
  try {
    const program = await createProgram(argv, environment);
    if (argv.length === 0) {
      program.outputHelp({ error: true });
      return exitStatus.usage;
    }
    await program.parseAsync(argv, { from: 'user' });
    return environment.status;
  } catch (error) {
    if (error instanceof CommanderError) return reportUsage(error, json, environment);
    return reportError(error, json, environment);
  }
}

/** Commander has already printed its message, unless --json. */
function reportUsage(error: CommanderError, json: boolean, environment: Environment): number {
  if (error.exitCode === 0) return 0;
  if (json) {
    const message = error.message.replace(/^error: /, '');
    printErrorJson(environment, 'usage', message, 'Run the command with --help to see its options.');
  }
  return exitStatus.usage;
}

function reportError(error: unknown, json: boolean, environment: Environment): number {
  const known = knownError(error);
  // Cancelled as asked: there is nothing to add.
  if (environment.signal.aborted && known?.code === 'aborted') return known.exitStatus;
  const code = known?.code ?? 'unexpected';
  const message = error instanceof Error ? error.message : String(error);
  const remedy = known?.remedy ?? 'This is a defect of deepyeast: please report it with the lines above.';
  if (json) {
    printErrorJson(environment, code, message, remedy);
  } else {
    const trace = !known && error instanceof Error && error.stack ? `\n${error.stack}` : '';
    environment.stderr.write(plainText(`error [${code}]: ${message}${trace}\n${remedy}\n`));
  }
  return known?.exitStatus ?? exitStatus.failure;
}

function printErrorJson(environment: Environment, code: string, message: string, remedy: string): void {
  environment.stdout.write(jsonLine({ error: { code, message, remedy } }));
}

/** Errors of the addon carry a code of the same table; errors of the file system have a system call. */
function knownError(error: unknown): DeepYeastError | undefined {
  if (error instanceof DeepYeastError) return error;
  if (!(error instanceof Error)) return undefined;
  const { code, syscall } = error as NodeJS.ErrnoException;
  if (code !== undefined && Object.hasOwn(errorTable, code))
    return new DeepYeastError(code as ErrorCode, error.message);
  if (syscall !== undefined) return new DeepYeastError('io-error', error.message);
  return undefined;
}
