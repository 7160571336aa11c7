// Inference and training: every contestant in a process of its own, the same weights and fresh random cells for all,
// outputs compared in every round, rounds interleaved so that a drift of the machine's speed hits all alike.
import { existsSync, readFileSync } from 'node:fs';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { Contestant } from './contestant.js';
import { entrants, reducedPrecision, rivals } from './entrants.js';
import { note } from './note.js';
import { randomCells } from './random-cells.js';
import { absoluteError, median, relativeError, sum } from './statistics.js';

/** Slower than this many images a second: one image, once, outside the rounds. */
const slowest = 5;
/** Repetitions of one measurement are cut to about this many seconds. */
const longest = 4;
/** A contestant that has been measured for as many seconds in a round has no further turn. */
const longestTurns = 3;

/**
 * Batches of `batch` cells, at most `repeats` of them a turn, at most `turns` a round. What bars hang on has several
 * turns: a shared machine's speed changes by a tenth within seconds, which one short turn a round would take for a
 * difference of the contestants.
 */
const allMeasurements = [
  { id: 'inference.1', mode: 'inference', batch: 1, repeats: 60, turns: 8 },
  { id: 'inference.32', mode: 'inference', batch: 32, repeats: 5, turns: 1 },
  { id: 'inference.100', mode: 'inference', batch: 100, repeats: 3, turns: 8 },
  { id: 'inference.256', mode: 'inference', batch: 256, repeats: 2, turns: 1 },
  { id: 'training.100', mode: 'training', batch: 100, repeats: 2, turns: 1 },
];
const quickMeasurements = allMeasurements
  .filter(({ id }) => !['inference.32', 'inference.256'].includes(id))
  .map((measurement) => ({ ...measurement, turns: Math.min(measurement.turns, 2) }));

/** Posteriors agree within this; losses and weights after the steps, relative to the largest. */
const tolerances = { posterior: 1e-4, loss: 1e-4, weights: 1e-4 };
/**
 * Of the timed steps. Where two values of a pool's window differ by a rounding, tools take one or the other, and gradients
 * differ by more than roundings: at 0.01 PyTorch's compiled weights differed from its own eager ones by up to 1.1e-4.
 */
const learningRate = 0.005;

function floats(path) {
  const bytes = readFileSync(path);
  return new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength));
}

function disagreement(mode, result, reference) {
  if (mode === 'inference') return { posterior: absoluteError(floats(result.file), floats(reference.file)) };
  return {
    loss: relativeError(result.losses, reference.losses),
    ...(existsSync(result.file) && existsSync(reference.file)
      ? { weights: relativeError(floats(result.file), floats(reference.file)) }
      : {}),
  };
}

/** Asks one contestant. Undefined where it cannot or failed. */
async function measure(contestant, { id, mode, batch, repeats }, folder, counted) {
  const file = join(folder, `${contestant.name}.${mode}`);
  await rm(file, { force: true });
  const rate = contestant.warmUp.get(id);
  const times = mode === 'training' || !rate ? repeats : Math.round((longest * rate) / batch);
  const answer = await contestant.ask({
    mode,
    batch,
    repeats: counted || mode === 'training' ? Math.min(repeats, Math.max(1, times)) : batch < 100 ? 2 : 1,
    images: join(folder, 'cells'),
    labels: Array.from({ length: batch * repeats }, (_, i) => i % 12),
    rate: learningRate,
    result: file,
  });
  if (answer.unsupported) {
    contestant.cannot.add(id);
    return undefined;
  }
  if (answer.error) {
    contestant.failures.set(id, answer.error);
    note(`${contestant.name}: ${id} failed: ${answer.error}`);
    return undefined;
  }
  return { ...answer, file };
}

/** All turns of one measurement in one round. Resolves to the last answer of each contestant, with the seconds of all. */
async function takeTurns(contestants, measurement, folder, counted) {
  const { id, turns } = measurement;
  const results = new Map();
  for (let turn = 0; turn < (counted ? turns : 1); turn++) {
    // There and back, so that nobody always follows the same one.
    for (const contestant of turn % 2 ? contestants.toReversed() : contestants) {
      if (contestant.cannot.has(id) || contestant.failures.has(id)) continue;
      const earlier = results.get(contestant)?.seconds ?? [];
      if (sum(earlier) >= longestTurns) continue;
      await pause(100); // threads of the one before may still spin
      const result = await measure(contestant, measurement, folder, counted);
      if (result) results.set(contestant, { ...result, seconds: [...earlier, ...result.seconds] });
      else results.delete(contestant);
    }
  }
  return results;
}

/**
 * One round. The largest disagreements go to `worst`; a contestant that disagrees has failed in that measurement. Where
 * `counted`, the median of each contestant's repetitions is its rate of the round.
 */
async function playRound(contestants, measurements, folder, counted, worst) {
  for (const measurement of measurements) {
    const { id, mode, batch, repeats } = measurement;
    const count = batch * (mode === 'training' ? repeats : 1);
    await writeFile(join(folder, 'cells'), randomCells(count));
    const results = await takeTurns(contestants, measurement, folder, counted);
    for (const [{ rates, warmUp }, { seconds }] of results) {
      if (counted) rates.set(id, [...(rates.get(id) ?? []), batch / median(seconds)]);
      else warmUp.set(id, batch / Math.min(...seconds));
    }
    const referee = ['pytorch-float32', 'onnxruntime-node', 'deepyeast']
      .map((name) => contestants.find((contestant) => contestant.name === name))
      .find((contestant) => results.has(contestant));
    for (const [contestant, result] of results) {
      const { name } = contestant;
      if (contestant === referee) continue;
      for (const [kind, error] of Object.entries(disagreement(mode, result, results.get(referee)))) {
        const key = `${id}.${kind}.${name}`;
        worst[key] = { error: Math.max(error, worst[key]?.error ?? 0), referee: referee.name };
        if (error <= tolerances[kind] || reducedPrecision.has(name)) continue;
        const reason = `its ${kind} differs from that of ${referee.name} by ${error.toExponential(1)}`;
        note(`${name}: ${id} failed: ${reason}`);
        contestant.failures.set(id, reason);
        contestant.rates.delete(id);
      }
    }
  }
}

/** Ratios of medians, and of the worst round, of deepyeast against each rival: the best of its ways to run. */
function compare(contestants, measurements) {
  const ratios = {};
  const worstRounds = {};
  const byName = new Map(contestants.map((contestant) => [contestant.name, contestant]));
  // What our AVX2 kernels are held against: ONNX Runtime restricted to AVX2 where that could be had.
  const avx2Rival = ['onnxruntime-node-avx2', 'onnxruntime-node'].find((name) =>
    byName.get(name)?.rates.has('inference.100'),
  );
  const add = (key, own, others) => {
    const best = others.sort((a, b) => median(b) - median(a))[0];
    if (!own || !best) return;
    ratios[key] = median(own) / median(best);
    if (best.length === own.length) worstRounds[key] = Math.min(...own.map((rate, i) => rate / best[i]));
  };
  for (const { id } of measurements) {
    const own = byName.get('deepyeast')?.rates.get(id);
    for (const [rival, names] of Object.entries(rivals)) {
      add(`${id}.${rival}`, own, names.map((name) => byName.get(name)?.rates.get(id)).filter(Boolean));
    }
    const avx2 = byName.get('deepyeast-avx2')?.rates.get(id);
    const unrestricted = byName.get('onnxruntime-node')?.rates.get(id);
    const rival = byName.get(avx2Rival)?.rates.get(id);
    add(`${id}.onnxruntime-node.avx2`, avx2, [rival].filter(Boolean));
    add(`${id}.onnxruntime-node.avx2-against-all`, avx2, [unrestricted].filter(Boolean));
  }
  return { ratios, worstRounds, avx2Rival };
}

/** Resolves to what was measured. */
export async function race({ quick, rounds, threads, only, model, folder }) {
  const measurements = quick ? quickMeasurements : allMeasurements;
  const contestants = [];
  const failedToStart = {};
  for (const [name, entrant] of Object.entries(entrants({ quick }))) {
    if (only && !only.includes(name)) continue;
    try {
      const prepared = await entrant.prepare?.(folder);
      const environment = { BENCH_MODEL: model, BENCH_THREADS: String(threads), ...entrant.environment, ...prepared };
      const contestant = await Contestant.start({ ...entrant, environment });
      contestant.slow = entrant.slow ?? false;
      if (entrant.only) for (const { id } of measurements) if (!entrant.only.includes(id)) contestant.cannot.add(id);
      contestants.push(contestant);
    } catch (error) {
      failedToStart[name] = error.message;
      note(`${name} failed to start: ${error.message}`);
    }
  }
  const worst = {};
  const racing = () => contestants.filter(({ slow }) => !slow);
  note('warm-up');
  await playRound(racing(), measurements, folder, false, worst);
  for (const contestant of racing()) {
    // Too slow for the rounds, at this batch or altogether.
    for (const { id, mode } of measurements) {
      if (contestant.warmUp.get(id) >= slowest || !contestant.warmUp.has(id)) continue;
      note(`${contestant.name}: ${id} left out of the rounds: ${contestant.warmUp.get(id).toFixed(2)} images/s`);
      contestant.cannot.add(id);
      if (mode === 'inference' && id === 'inference.1') contestant.slow = true;
    }
  }
  for (let round = 1; round <= rounds; round++) {
    note(`round ${round} of ${rounds}`);
    await playRound(racing(), measurements, folder, true, worst);
  }
  for (const contestant of contestants.filter(({ slow }) => slow)) {
    note(`${contestant.name}: one image`);
    await writeFile(join(folder, 'cells'), randomCells(1));
    const measurement = { id: 'inference.1', mode: 'inference', batch: 1, repeats: 1 };
    const result = await measure(contestant, measurement, folder, true);
    if (result) contestant.rates.set(measurement.id, [measurement.batch / median(result.seconds)]);
  }
  for (const contestant of contestants) await contestant.stop();

  const table = (value) => Object.fromEntries(contestants.map((contestant) => [contestant.name, value(contestant)]));
  return {
    ...compare(contestants, measurements),
    imagesPerSecond: table(({ rates }) => Object.fromEntries(rates)),
    once: contestants.filter(({ slow }) => slow).map(({ name }) => name),
    failures: { ...failedToStart, ...table(({ failures }) => Object.fromEntries(failures)) },
    agreement: worst,
    versions: table(({ version, device }) => ({ version, device })),
  };
}
