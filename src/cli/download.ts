import { type Command, InvalidArgumentError, Option } from 'commander';
import type { DownloadedFile, Registry } from '../download';
import { alignedRows } from './aligned-rows';
import { addExamples, type CommandContext, jsonOption, withContext } from './options';

interface DownloadCommandOptions {
  out?: string;
  registry?: string;
  extract: boolean;
  md5?: string;
  sha256?: string;
}

/** `deepyeast download` */
export function register(program: Command): void {
  const command = program
    .command('download')
    .description(
      'Download the public DeepYeast data or weights, or an entry of a registry of your own: checked by size and hash, ' +
        'continued where it stopped, unpacked. Without a name: what there is. Proxies: HTTPS_PROXY, HTTP_PROXY, NO_PROXY.',
    )
    .argument('[name]', 'entry of the registry')
    .option('--out <folder>', 'where the files go (default: a folder of the name of the entry)')
    .option('--registry <file>', 'JSON file of entries; default the public DeepYeast ones')
    .option('--no-extract', 'leave archives as they are')
    .addOption(new Option('--md5 <hash>', 'expected MD5 of an entry of one file').argParser(hexadecimal(32)))
    .addOption(new Option('--sha256 <hash>', 'expected SHA-256 of an entry of one file').argParser(hexadecimal(64)))
    .addOption(jsonOption())
    .action(withContext<DownloadCommandOptions>(run));
  addExamples(
    command,
    'deepyeast download',
    'deepyeast download weights --out weights',
    'deepyeast download screen --registry our-screens.json --out screens/first',
  );
}

function hexadecimal(digits: number): (text: string) => string {
  return (text) => {
    if (!new RegExp(`^[0-9a-fA-F]{${digits}}$`).test(text)) {
      throw new InvalidArgumentError(`Expected ${digits} hexadecimal digits.`);
    }
    return text.toLowerCase();
  };
}

async function run(context: CommandContext, options: DownloadCommandOptions, name?: string): Promise<void> {
  const { download, publicRegistry, readRegistry } = await import('../download/index.js');
  const registry = options.registry === undefined ? publicRegistry : await readRegistry(options.registry);
  if (name === undefined) {
    if (context.json) await context.printJson(registry);
    else await context.print(`${listing(registry)}\n`);
    return;
  }
  const { md5, sha256, extract } = options;
  let shown: { name: string; bar: ReturnType<CommandContext['progress']> } | undefined;
  const result = await download(name, options.out ?? name, {
    registry,
    extract,
    ...(md5 !== undefined && { md5 }),
    ...(sha256 !== undefined && { sha256 }),
    signal: context.signal,
    log: context.log,
    onProgress: (file, done, total) => {
      if (context.json) return;
      if (shown?.name !== file) {
        shown?.bar.finish();
        const bar = context.progress({ label: file, unit: 'bytes', ...(total !== undefined && { total }) }, done);
        shown = { name: file, bar };
      }
      shown.bar.update(done);
    },
  });
  shown?.bar.finish();
  if (context.json) await context.printJson(result);
  context.say(alignedRows(result.files.map((file) => [file.path, `${file.bytes} bytes`, verdict(file)])));
  for (const { extracted } of result.files) {
    if (extracted) context.say(`${extracted.folder}: ${extracted.files ?? 'unpacked before, no'} files unpacked`);
  }
  const { licence, citation } = result.entry;
  context.say(`licence: ${licence ?? 'not stated by its publishers'}`);
  if (citation !== undefined) context.say(`please cite: ${citation}`);
  for (const file of result.files.filter(({ verified }) => verified === null)) {
    context.log(
      'warn',
      `${file.name} is unverified: the registry has no hash of it and none was given (--sha256); ` +
        `the SHA-256 of what came is ${file.sha256}`,
    );
  }
}

function verdict(file: DownloadedFile): string {
  const where = file.present ? 'was there' : 'downloaded';
  if (file.verified === null) return `${where}, unverified`;
  return `${where}, verified (${file.verified === 'md5' ? `MD5 ${file.md5}` : `SHA-256 ${file.sha256}`})`;
}

function listing(registry: Registry): string {
  return alignedRows([
    ['name', 'files', 'checked by', 'licence', 'what it is'],
    ...Object.entries(registry).map(([name, { files, licence, description }]) => [
      name,
      String(files.length),
      [...new Set(files.map(({ md5, sha256 }) => (sha256 ? 'SHA-256' : md5 ? 'MD5' : 'nothing')))].join(', '),
      licence ?? 'not stated',
      description,
    ]),
  ]);
}
