import { type Command, InvalidArgumentError, Option } from 'commander';
import { type WeightType, weightTypes } from '../network/checkpoint';
import type { OnnxLayerOutput } from '../network/exchange/onnx';
import { addExamples, type CommandContext, jsonOption, nameList, wholeNumber, withContext } from './options';
import { alignedRows } from './text-table';

interface ExportCommandOptions {
  out: string;
  format?: 'onnx' | 'bioimage' | 'safetensors';
  weights: WeightType;
  batchNorm: 'kept' | 'folded';
  opset: number;
  input: 'uint8' | 'float32';
  outputs?: OnnxLayerOutput[];
  data?: string;
  name?: string;
  description?: string;
  authors?: string[];
  licence?: string;
}

const stageNames = ['linear', 'normalized', 'activated', 'pooled'] as const;

/** `deepyeast model export` */
export function registerExport(program: Command): void {
  const command = program
    .command('export')
    .description(
      'Write a model as ONNX (.onnx), as a package of the BioImage Model Zoo (.zip), or as a smaller model file ' +
        '(.safetensors).',
    )
    .argument('<model>', 'model file, or run folder, whose best model is taken')
    .requiredOption('--out <file>', 'file to write')
    .addOption(
      new Option('--format <name>', 'default: by the ending of --out').choices(['onnx', 'bioimage', 'safetensors']),
    )
    .addOption(
      new Option('--batch-norm <how>', 'keep batch normalizations, or fold them into the weights')
        .choices(['kept', 'folded'])
        .default('kept'),
    )
    .addOption(new Option('--opset <number>', 'ONNX operator set, 9 to 21').default(17).argParser(wholeNumber(9, 21)))
    .addOption(
      new Option('--input <type>', 'ONNX: element type of the cells, 0 to 255 either way')
        .choices(['uint8', 'float32'])
        .default('uint8'),
    )
    .addOption(
      new Option('--outputs <layers>', 'ONNX: layers as outputs beside the posteriors, LAYER or LAYER:STAGE').argParser(
        layerOutputs,
      ),
    )
    .addOption(
      new Option('--weights <type>', 'safetensors: how weights are stored; networks compute in float32')
        .choices(weightTypes)
        .default('float32'),
    )
    .option('--data <dataset>', 'bioimage: where test cells and cover come from (default: random spots)')
    .option('--name <text>', 'bioimage: name of the model')
    .option('--description <text>', 'bioimage: what it does')
    .addOption(new Option('--authors <names>', 'bioimage: between commas').argParser(nameList))
    .option('--licence <spdx>', 'bioimage: MIT, CC-BY-4.0 ... (default: what the model says)')
    .addOption(jsonOption())
    .action(withContext<ExportCommandOptions>(run));
  addExamples(
    command,
    'deepyeast model export runs/first --out model.onnx',
    'deepyeast model export runs/first --out model.onnx --batch-norm folded --outputs fc1,conv3_4:pooled --opset 15',
    'deepyeast model export runs/first --out small.safetensors --weights float16',
    'deepyeast model export runs/first --out model.zip --data data/test --authors "A. Author" --licence MIT',
  );
}

function layerOutputs(text: string): OnnxLayerOutput[] {
  return nameList(text).map((item) => {
    const [layer = '', stage = 'activated', ...more] = item.split(':');
    if (layer === '' || more.length > 0 || !(stageNames as readonly string[]).includes(stage)) {
      throw new InvalidArgumentError(`Expected LAYER or LAYER:STAGE, the stage one of ${stageNames.join(', ')}.`);
    }
    return { layer, stage: stage as (typeof stageNames)[number] };
  });
}

async function run(context: CommandContext, options: ExportCommandOptions, path?: string): Promise<void> {
  const model = path as string;
  const { exportBioimageModel, exportOnnx, exportSafetensors } = await import('../network/exchange/index.js');
  const { out, batchNorm, opset } = options;
  const format =
    options.format ?? (/\.zip$/i.test(out) ? 'bioimage' : /\.safetensors$/i.test(out) ? 'safetensors' : 'onnx');
  if (format === 'safetensors') {
    const written = await exportSafetensors(model, out, { weights: options.weights });
    if (context.json) await context.printJson({ path: out, ...written });
    const count = (value: number) => value.toLocaleString('en-US');
    context.say(`${out}: ${count(written.parameters)} parameters in ${count(written.bytes)} bytes, ${written.weights}`);
    return;
  }
  if (format === 'onnx') {
    const { input, outputs = [] } = options;
    const description = await exportOnnx(model, out, { batchNorm, opset, input, outputs });
    if (context.json) await context.printJson({ path: out, ...description });
    const shape = (value: { name: string; shape: number[]; type: string }) =>
      `${value.name} ${value.type} [n, ${value.shape.join(', ')}]`;
    context.say(
      alignedRows([
        ...description.inputs.map((value) => ['input', shape(value)]),
        ...description.outputs.map((value) => ['output', shape(value)]),
        ['batch norm', description.batchNorm],
        ['operator set', String(description.opset)],
        ['written', out],
      ]),
    );
    return;
  }
  const { name, description, authors, licence } = options;
  const data = options.data === undefined ? undefined : await openData(options.data);
  const result = await exportBioimageModel(model, out, {
    batchNorm,
    opset,
    signal: context.signal,
    ...(name !== undefined && { name }),
    ...(description !== undefined && { description }),
    ...(authors && { authors: authors.map((author) => ({ name: author })) }),
    ...(licence !== undefined && { licence }),
    ...(data && { data }),
  });
  if (context.json) await context.printJson(result);
  context.say(
    alignedRows([
      ...result.files.map((file) => [file.name, `${file.bytes.toLocaleString('en-US')} bytes`, file.sha256]),
      ['written', out],
    ]),
  );
}

async function openData(path: string) {
  const { Dataset } = await import('../data/dataset.js');
  return Dataset.open(path);
}
