// bench/gpu/run.sh on a machine without a GPU: what it calls is played by scripts, so that its order, its limits and what it
// makes of results are checked where nothing can be measured.
import { execFile } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

const root = join(__dirname, '..', '..');
const script = join(root, 'bench', 'gpu', 'run.sh');
// Else the script has no JavaScript to measure.
const built = existsSync(join(root, 'dist', 'index.js'));

type Section = Record<string, unknown> & { error?: string };
interface Outcome {
  status: number;
  output: string;
  messages: string;
  result: Record<string, Section>;
}

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'deepyeast-gpu-bench-'));
  mkdirSync(join(folder, 'bin'));
  for (const [name, text] of Object.entries(players)) {
    writeFileSync(join(folder, 'bin', name), `#!/usr/bin/env bash\n${text}`);
    chmodSync(join(folder, 'bin', name), 0o755);
  }
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

// Every measurement takes 2 ms; FAIL names one that fails, NO_TORCH=1 takes PyTorch away.
const players = {
  cmake: `
    [ "$1" = --build ] || exit 0
    mkdir -p "$2/native/test"; touch "$2/libdeepyeast_cuda.so"
    for name in gpu_bench native_tests; do cp "$(dirname "$0")/$name" "$2/native/test/$name"; done`,
  gpu_bench: `
    shift; ceilings=; words=
    for word in "$@"; do case $word in --*=?*) ceilings=yes ;; --*) ;; *) words="$words $word" ;; esac; done
    status=0
    while read -r section precision batch rest; do
      [ -z "$CALLS" ] || echo "$section $precision engines=$DEEPYEAST_CUDA_ENGINES cache=$DEEPYEAST_CACHE" >>"$CALLS"
      if [ "$section" = doctor ]; then echo '{"problems":[]}'; exit 0; fi
      if [ "$section" = gradients ] || [ "$section" = images ]; then touch "$rest"; exit 0; fi
      printf '%s-%s-%s\\t' "$section" "$precision" "$batch"
      if [ "$section" = "$FAIL" ]; then echo '{"error":"it failed","code":"cuda-failure"}'; status=4; continue; fi
      share=; [ -z "$ceilings" ] || share=',"shareOfMatrixCeiling":0.5000,"shareOfCopyCeiling":0.2500'
      case $section in
        profile) echo '{"sumMs":2,"operations":[{"name":"convolution forward","ms":1.5,"share":0.75'"$share"',"boundBy":"products"},{"name":"update","ms":0.5,"share":0.25'"$share"',"boundBy":"copies"}],"plans":""}' ;;
        endurance) echo '{"iterations":'"$rest"',"deviceGrowthBytes":0,"hostGrowthBytes":4096,"memory":[]}' ;;
        inference) echo '{"msPerCall":2.0,"imagesPerSecond":'"$((batch * 500))$share"'}' ;;
        *) echo '{"msPerIteration":2.0,"imagesPerSecond":50000'"$share"'}' ;;
      esac
    done < <(echo "$words" | tr + '\\n')
    exit $status`,
  native_tests: `echo "3 passed, 0 failed, 0 skipped"`,
  python: `
    if [ "$1" = -c ]; then [ -z "$NO_TORCH" ]; exit; fi
    section=$2; [ "$1" != bench/gpu/agreement.py ] || section=agreement
    case $section in
      agreement) shift 2; for precision in "$@"; do printf 'agreement-%s\\t{"worstRatio":0.9}\\n' "$precision"; done ;;
      ceilings) echo '{"bfloat16TeraflopsPerSecond":700,"tf32TeraflopsPerSecond":400,"float32TeraflopsPerSecond":50,"copyGigabytesPerSecond":2500}' ;;
      prepare) echo ready ;;
      *)
        for mode in \${4//,/ }; do
          printf 'pytorch-%s-%s-%s-%s\\t' "$section" "$3" "$mode" "$5"
          [ "$section" = training ] && echo '{"msPerIteration":4.0}' || echo '{"msPerCall":3.0}'
        done ;;
    esac`,
  'nvidia-smi': `case "$*" in *-lms*) while echo '1980 MHz'; do sleep 0.1; done ;; *compute_cap\\ *) echo 9.0 ;; *) echo 'A card, 9.0' ;; esac`,
  node: `printf 'node-training-bfloat16-100\\t{"msPerIteration":2.02}\\nnode-inference-bfloat16-4000\\t{"msPerCall":2.04}\\n'`,
  'compute-sanitizer': `echo "3 passed, 0 failed, 0 skipped"`,
};

type Part = 'parity' | 'training' | 'rest';

function environmentOf(variables: Record<string, string>): NodeJS.ProcessEnv {
  return {
    ...process.env,
    PATH: `${join(folder, 'bin')}:${process.env.PATH}`,
    DEEPYEAST_BENCH_PYTHON: join(folder, 'bin', 'python'),
    DEEPYEAST_BENCH_BUILD: join(folder, 'build'),
    DEEPYEAST_BENCH_SECONDS: '',
    DEEPYEAST_BENCH_ENDURANCE: '',
    ...variables,
  };
}

/** What a part prints on a machine, without measuring. */
function dryRun(part: Part, variables: Record<string, string> = {}): Promise<string> {
  return new Promise((resolve, reject) => {
    execFile('bash', [script, part, '--dry-run'], { env: environmentOf(variables) }, (error, output) =>
      error ? reject(error) : resolve(output),
    );
  });
}

function run(part: Part, variables: Record<string, string> = {}): Promise<Outcome> {
  const path = join(folder, `${part}.json`);
  rmSync(path, { force: true });
  return new Promise((resolve) => {
    // The result is named relative to the caller's folder.
    const options = { env: environmentOf(variables), cwd: folder };
    execFile('bash', [script, part, `${part}.json`], options, (error, output, messages) => {
      const status = error === null ? 0 : Number(error.code);
      resolve({ status, output, messages, result: JSON.parse(readFileSync(path, 'utf8')) });
    });
  });
}

function expectMeasured(result: Outcome['result'], names: string[]): void {
  for (const name of names) {
    expect(Object.keys(result)).toContain(name);
    expect(result[name]?.error, name).toBeUndefined();
  }
}

// A run starts some hundred processes.
describe('bench/gpu/run.sh', { timeout: 240_000 }, () => {
  test.each(['parity', 'training', 'rest'] as const)(
    'a dry run of %s says what would happen, within nine minutes',
    async (part) => {
      const output = await dryRun(part);
      const rows = [...output.matchAll(/^([a-z0-9-]+) +(\d+)$/gm)].map(([, name, seconds]) => ({
        name: name as string,
        seconds: Number(seconds),
      }));
      const sum = rows.reduce((total, { seconds }) => total + seconds, 0);
      expect(rows.length).toBeGreaterThan(5);
      const [, reserve] = /^between them +(\d+)$/m.exec(output) as RegExpExecArray;
      const [, total, most] = /^total +(\d+) of at most (\d+)$/m.exec(output) as RegExpExecArray;
      expect(Number(total)).toBe(Math.min(sum + Number(reserve), Number(most)));
      expect(Number(total)).toBeLessThanOrEqual(Number(most));
      expect(Number(most)).toBe(540);
      // Every section that has a limit is run somewhere.
      const text = readFileSync(script, 'utf8');
      for (const { name } of rows) expect(text.split(name.replace(/-(1|2|few)$/, '')).length, name).toBeGreaterThan(2);
    },
  );

  test('a dry run names what the machine has and lacks', async () => {
    const empty = { DEEPYEAST_BENCH_BUILD: join(folder, 'nothing-built') };
    const parity = await dryRun('parity', empty);
    expect(parity).toMatch(/^ {2}card +compute capability 90$/m);
    expect(parity).toMatch(/^ {2}generator +(Ninja|Unix Makefiles)$/m);
    expect(parity).toContain('-DDEEPYEAST_CUDA_ARCHITECTURES=90 ');
    expect(await dryRun('parity', { DEEPYEAST_CUDA_ARCHITECTURES: '90a' })).toContain(
      '-DDEEPYEAST_CUDA_ARCHITECTURES=90a ',
    );
    const training = await dryRun('training', { ...empty, NO_TORCH: '1' });
    expect(training).toMatch(/^nothing is built in .*nothing-built, so this command builds first/m);
    expect(training).toMatch(/^ {2}PyTorch +missing: sections pytorch-/m);
    expect(existsSync(join(folder, 'nothing-built'))).toBe(false);
  });

  test('a wrong part or too many words end with status 2 and the usage', async () => {
    for (const words of [[], ['all'], ['parity', 'one.json', 'two.json']]) {
      const { status, messages } = await new Promise<{ status: unknown; messages: string }>((resolve) => {
        execFile('bash', [script, ...words], { env: environmentOf({}) }, (error, _, text) =>
          resolve({ status: error?.code, messages: text }),
        );
      });
      expect(status).toBe(2);
      expect(messages).toContain('bench/gpu/run.sh parity');
    }
  });

  test('a later part that finds no build begins with it', async () => {
    const { status, result } = await run('training', { DEEPYEAST_BENCH_BUILD: join(folder, 'built-by-training') });
    expect(status).toBe(0);
    expectMeasured(result, ['build', 'training-bfloat16-100-1', 'profile-bfloat16-100']);
  });

  test('parity builds, with the generator that the machine has, and tests', async () => {
    const { status, messages, result } = await run('parity');
    expect({ status, messages }).toMatchObject({ status: 0 });
    expectMeasured(result, ['build', 'doctor', 'tests-network', 'tests-operations', 'sanitizer', 'tests-learning']);
    expect(result.part).toBe('parity');
    expect(result.build).toMatchObject({ architectures: '90', generator: expect.stringMatching(/Ninja|Makefiles/) });
  });

  test('training: ours and PyTorch in turn, with shares of the ceilings, and the table tells them', async () => {
    await run('parity');
    const { status, output, messages, result } = await run('training');
    expect({ status, messages }).toMatchObject({ status: 0 });
    expectMeasured(result, [
      'ceilings',
      'training-bfloat16-100-1',
      'training-bfloat16-100-2',
      'training-bfloat16-128',
      'pytorch-training-bfloat16-compiled-100-2',
      'pytorch-training-bfloat16-compiled-128',
      'pytorch-training-bfloat16-eager-100-1',
      'profile-bfloat16-100',
    ]);
    expect(result['training-bfloat16-100-1']).toMatchObject({ shareOfMatrixCeiling: 0.5, shareOfCopyCeiling: 0.25 });
    expect(result.summary).toEqual({ trainingMs: 2, trainingTimesPytorch: 2 });
    expect(output).toMatch(/^training-bfloat16-128 +2\.0 +50000 +0\.5000 +0\.2500$/m);
    expect(output).toMatch(/^convolution forward +1\.5 +0\.75 +0\.5000 products$/m);
    expect(output).toMatch(/^update +0\.5 +0\.25 +0\.2500 copies$/m);
    expect(output).toMatch(/^training, ms an iteration +2\.0000 +<= 2\.5$/m);
  });

  test('rest: inference, the other precisions, gradients with the tuned engines and with few, and JavaScript', async () => {
    await run('parity');
    const calls = join(folder, 'calls');
    const { status, messages, result } = await run('rest', { CALLS: calls });
    expect({ status, messages }).toMatchObject({ status: 0 });
    expectMeasured(result, [
      'inference-bfloat16-1000-1',
      'inference-bfloat16-1000-2',
      'pytorch-inference-bfloat16-compiled-1000-2',
      'agreement-float32',
      'agreement-float32-few',
      'training-tf32-100',
      'profile-float32-100',
      'inference-float32-1000',
      'inference-bfloat16-1',
      'inference-bfloat16-10000',
      ...(built ? ['node-training-bfloat16-100'] : []),
    ]);
    expect(Object.keys(result)).not.toContain('endurance-bfloat16-100');
    // Gradients are checked with the engines whose speed is told, after they were measured; the restricted ones have plans of
    // their own.
    const lines = readFileSync(calls, 'utf8').trim().split('\n');
    const few = lines.filter((line) => line.includes('engines=1 '));
    expect(few.map((line) => line.split(' ')[0])).toEqual(['gradients']);
    const cacheOf = (line: string) => line.split('cache=')[1];
    const others = new Set(lines.filter((line) => !few.includes(line)).map(cacheOf));
    expect([...others]).toEqual([join(folder, 'build', 'cache')]);
    expect(others.has(cacheOf(few[0] as string))).toBe(false);
    const last = (section: string) => lines.map((line) => line.split(' ')[0]).lastIndexOf(section);
    expect(lines.findIndex((line) => line.startsWith('gradients'))).toBeGreaterThan(last('inference'));
    expect(result.summary).toEqual({
      inferenceImagesPerSecond: 500_000,
      inferenceTimesPytorch: 1.5,
      ...(built && { trainingMs: 2, javascriptOverCxxInTraining: 1.01, javascriptOverCxxInInference: 1.02 }),
    });
  });

  test('what there is no time for is skipped, which is said and recorded; so is what PyTorch would tell', async () => {
    await run('parity');
    const { status, messages, result } = await run('training', { DEEPYEAST_BENCH_SECONDS: '120', NO_TORCH: '1' });
    expect(status).toBe(0);
    expect(result['training-bfloat16-100-1']).toEqual({ msPerIteration: 2, imagesPerSecond: 50_000 });
    expect(result.pytorch?.error).toMatch(/^skipped: no PyTorch with CUDA was found, .* ceilings are not known/);
    expect(messages).toMatch(/^== pytorch: skipped, no PyTorch/m);
    const none = await run('parity', { DEEPYEAST_BENCH_SECONDS: '60' });
    expect(none.status).toBe(4);
    expect(none.messages).toMatch(/^== build: skipped, it may need 150 s, \d+ s are left of 60/m);
    expect(none.result.build?.error).toMatch(/^skipped: it may need 150 s/);
    expect(none.result.stopped?.error).toBe('there is no time for the build');
  });

  test('a failure is named and ends in status 1; many iterations are run on demand, and their memory is told', async () => {
    await run('parity');
    const variables = { FAIL: 'profile', DEEPYEAST_BENCH_ENDURANCE: '1500000' };
    const { status, output, result } = await run('rest', variables);
    expect(status).toBe(1);
    expect(result['profile-tf32-100']?.error).toBe('it failed');
    expect(result['inference-tf32-1000']?.imagesPerSecond).toBe(500_000);
    expect(output).toMatch(/^failed: tf32 float32$/m);
    expect(result['endurance-bfloat16-100']).toMatchObject({ iterations: 1_500_000, deviceGrowthBytes: 0 });
    expect(output).toMatch(/growth of memory in training, bytes: device, host +0 +4096$/m);
  });
});
