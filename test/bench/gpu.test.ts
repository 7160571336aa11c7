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
    mkdir -p "$2/native/test"
    for name in gpu_bench native_tests; do cp "$(dirname "$0")/$name" "$2/native/test/$name"; done`,
  gpu_bench: `
    shift; ceilings=; words=
    for word in "$@"; do case $word in --*=?*) ceilings=yes ;; --*) ;; *) words="$words $word" ;; esac; done
    status=0
    while read -r section precision batch rest; do
      if [ "$section" = doctor ]; then echo '{"problems":[]}'; exit 0; fi
      if [ "$section" = images ]; then touch "$precision"; exit 0; fi
      if [ "$section" = gradients ]; then touch "$rest"; exit 0; fi
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
    case $2 in --images=*) set -- "$1" "\${@:3}" ;; esac
    section=$2; [ "$1" != bench/gpu/agreement.py ] || section=agreement
    case $section in
      agreement) name=\${2#--name=}; shift 3; for precision in "$@"; do printf "$name"'-%s\\t{"worstRatio":0.9}\\n' "$precision"; done ;;
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

function run(part: string, variables: Record<string, string> = {}, name = 'result.json'): Promise<Outcome> {
  const path = join(folder, name);
  rmSync(path, { force: true });
  const environment = {
    ...process.env,
    PATH: `${join(folder, 'bin')}:${process.env.PATH}`,
    DEEPYEAST_BENCH_PYTHON: join(folder, 'bin', 'python'),
    DEEPYEAST_BENCH_BUILD: join(folder, 'build'),
    DEEPYEAST_BENCH_SECONDS: '',
    DEEPYEAST_BENCH_ENDURANCE: '',
    ...variables,
  };
  return new Promise((resolve) => {
    execFile('bash', [script, part, path], { env: environment }, (error, output, messages) => {
      const status = error === null ? 0 : Number(error.code);
      resolve({ status, output, messages, result: JSON.parse(readFileSync(path, 'utf8')) });
    });
  });
}

// A run starts some hundred processes.
describe('bench/gpu/run.sh', { timeout: 240_000 }, () => {
  test.each(['build', 'training', 'rest'])(
    '%s: a dry run tells its sections, which take nine minutes at most',
    async (part) => {
      const output = await new Promise<string>((resolve) => {
        execFile('bash', [script, part, '--dry-run'], (_, text) => resolve(text));
      });
      const sections = [...output.matchAll(/^([a-z0-9-]+) +(\d+) s {2}(?!where time)\S/gm)];
      const sum = sections.reduce((total, section) => total + Number(section[2]), 0) + 15;
      expect(sections.length).toBeGreaterThan(5);
      expect(sections[0]?.[1]).toBe('build');
      expect(sum).toBeLessThanOrEqual(540);
      expect(output).toContain(`total ${sum} s of at most 540\n`);
      expect(output).toMatch(/^ {2}nvcc +\S/m);
    },
  );

  test('all sections are measured, with shares of the ceilings, and the table tells them', async () => {
    for (const part of ['build', 'training']) {
      const { status, messages } = await run(part);
      expect({ part, status, messages }).toMatchObject({ status: 0 });
    }
    // The last part's JSON holds the sections of those before it.
    const { status, output, messages, result } = await run('rest');
    expect({ status, messages }).toMatchObject({ status: 0 });
    const names = Object.keys(result);
    for (const name of [
      'build',
      'doctor',
      'tests-network',
      'tests-operations',
      'tests-learning',
      'sanitizer',
      'ceilings',
      'training-bfloat16-100-1',
      'training-bfloat16-100-2',
      'inference-bfloat16-1000-1',
      'inference-bfloat16-1000-2',
      'pytorch-training-bfloat16-compiled-100-2',
      'pytorch-training-bfloat16-eager-100-1',
      'pytorch-inference-bfloat16-compiled-1000-2',
      'profile-bfloat16-100',
      'agreement-float32',
      'agreement-tuned-float32',
      'training-bfloat16-128',
      'training-tf32-100',
      'profile-float32-100',
      'inference-float32-1000',
      'inference-bfloat16-1',
      'inference-bfloat16-10000',
      'node-training-bfloat16-100',
    ].filter((name) => built || !name.startsWith('node'))) {
      expect(names).toContain(name);
      expect(result[name]?.error, name).toBeUndefined();
    }
    for (const precision of ['bfloat16-100-1', 'tf32-100', 'float32-100']) {
      expect(result[`training-${precision}`]).toMatchObject({ shareOfMatrixCeiling: 0.5, shareOfCopyCeiling: 0.25 });
    }
    expect(result.summary).toEqual({
      trainingMs: 2,
      trainingTimesPytorch: 2,
      inferenceImagesPerSecond: 500_000,
      inferenceTimesPytorch: 1.5,
      ...(built && { javascriptOverCxxInTraining: 1.01, javascriptOverCxxInInference: 1.02 }),
    });
    expect(output).toMatch(/^training-tf32-100 +2\.0 +50000 +0\.5000 +0\.2500$/m);
    expect(output).toMatch(/^convolution forward +1\.5 +0\.75 +0\.5000 products$/m);
    expect(output).toMatch(/^update +0\.5 +0\.25 +0\.2500 copies$/m);
    expect(output).toMatch(/^training, ms an iteration +2\.0000 +<= 2\.5$/m);
    expect(names).not.toContain('endurance-bfloat16-100');
  });

  test('what there is no time for is skipped, which is said and recorded; so is what PyTorch would tell', async () => {
    const { status, messages, result } = await run('training', { DEEPYEAST_BENCH_SECONDS: '300', NO_TORCH: '1' });
    expect(status).toBe(0);
    expect(result['training-bfloat16-100-1']).toEqual({ msPerIteration: 2, imagesPerSecond: 50_000 });
    expect(result.pytorch?.error).toMatch(/^skipped: no PyTorch with CUDA was found, .* ceilings are not known/);
    expect(messages).toMatch(/^== pytorch: skipped, no PyTorch/m);
    const none = await run('build', { DEEPYEAST_BENCH_SECONDS: '60' });
    expect(none.status).toBe(4);
    expect(none.messages).toMatch(/^== build: skipped, it may need 200 s, \d+ s are left of 60/m);
    expect(none.result.build?.error).toMatch(/^skipped: it may need 200 s/);
    expect(none.result.stopped?.error).toBe('there is no time for the build');
  });

  test('a failure is named and ends in status 1; many iterations are run on demand, and their memory is told', async () => {
    const { status, output, result } = await run('rest', { FAIL: 'profile', DEEPYEAST_BENCH_ENDURANCE: '1500000' });
    expect(status).toBe(1);
    expect(result['profile-tf32-100']?.error).toBe('it failed');
    expect(result['inference-tf32-1000']?.imagesPerSecond).toBe(500_000);
    expect(output).toMatch(/^failed: tf32 float32$/m);
    expect(result['endurance-bfloat16-100']).toMatchObject({ iterations: 1_500_000, deviceGrowthBytes: 0 });
    expect(output).toMatch(/growth of memory in training, bytes: device, host +0 +4096$/m);
  });
});
