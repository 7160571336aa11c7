import type { Command } from 'commander';
import { rounded } from '../files/number';
import { describeModel, type ModelDescription } from '../network/model-description';
import { addExamples, type CommandContext, jsonOption, withContext } from './options';
import { alignedRows } from './text-table';

/** `deepyeast model show` */
export function registerShow(program: Command): void {
  const command = program
    .command('show')
    .description('What a model is: layers, shapes, parameters, classes, how it was trained, its scores, its licence.')
    .argument('<model>', 'model file, or run folder, whose best model is taken')
    .addOption(jsonOption())
    .action(withContext<object>(run));
  addExamples(command, 'deepyeast model show runs/first', 'deepyeast model show model.safetensors --json');
}

async function run(context: CommandContext, _: object, path?: string): Promise<void> {
  const description = await describeModel(path as string);
  if (context.json) await context.printJson(description);
  else await context.print(format(description));
}

const thousands = (value: number) => value.toLocaleString('en-US');

function format(model: ModelDescription): string {
  const { layers, classes, input, recipe, iteration, metrics, about = {} } = model;
  const source = about.source && `${about.source.format}, ${about.source.file}, SHA-256 ${about.source.sha256}`;
  const rows: [string, string | undefined][] = [
    ['file', `${model.path} (${thousands(model.bytes)} bytes, SHA-256 ${model.sha256})`],
    ['name', about.name],
    ['description', about.description],
    ['authors', about.authors?.join(', ')],
    ['licence', about.licence ?? 'not stated'],
    ...(about.citations ?? []).map(({ text, doi, url }): [string, string] => ['cite', [text, doi ?? url].join(', ')]),
    ['made from', source],
    [
      'input',
      `${model.imageSize} x ${model.imageSize} pixels x ${model.channels} channels: ${input?.channels.join(', ') ?? 'unnamed'}`,
    ],
    [
      'transform',
      input ? `(pixel - mean) x ${rounded(input.scale, 6)}, mean ${input.mean}` : 'none: it saw no training set',
    ],
    ['intensities', input?.intensities],
    ['typical cell', input?.cellDiameter === undefined ? undefined : `${input.cellDiameter} pixels in diameter`],
    ['classes', `${classes.length}: ${classes.join(', ')}`],
    ['parameters', thousands(model.parameters)],
    ['dropout', String(model.dropout)],
    ['normalization', `epsilon ${model.normalizationEpsilon}`],
    ['seed', String(model.seed)],
    ['trained for', iteration === undefined ? 'not stated' : `${thousands(iteration)} iterations`],
    ['recipe', recipe === undefined ? 'not stated' : JSON.stringify(recipe)],
    ['metrics', metrics === undefined ? 'not stated' : JSON.stringify(metrics)],
  ];
  const table = [
    ['layer', 'kind', 'output', 'weights', 'parameters'],
    ...layers.map(({ name, kind, output, weights, parameters }) => [
      name,
      kind,
      output.join(' x '),
      weights.join(' x '),
      thousands(parameters),
    ]),
  ];
  const facts = rows.filter((row): row is [string, string] => row[1] !== undefined);
  return `${alignedRows(facts)}\n\n${alignedRows(table)}\n`;
}
