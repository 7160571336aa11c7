import { describe, expect, test } from 'vitest';
import { calibration, fitTemperature, logPosteriors, temperedPosterior } from '../../src/evaluation/calibration';
import { areaUnderRoc, averagePrecision, rejection } from '../../src/evaluation/rejection';
import { analysisFixture } from '../features/fixture';

interface Fixture {
  classes: number;
  bins: number;
  labels: number[];
  logits: number[];
  temperature: number;
  ece: number;
  nll: number;
  nllTempered: number;
}
const fixture = analysisFixture<Fixture>('calibration');

describe('calibration', () => {
  test('error and likelihood are those of NumPy and scikit-learn', () => {
    const found = calibration(fixture, { bins: fixture.bins });
    expect(found.expectedCalibrationError).toBeCloseTo(fixture.ece, 10);
    expect(found.negativeLogLikelihood).toBeCloseTo(fixture.nll, 10);
    expect(found.bins.reduce((sum, { cells }) => sum + cells, 0)).toBe(fixture.labels.length);
  });

  test('the temperature is SciPy’s', () => {
    const temperature = fitTemperature(fixture);
    expect(temperature).toBeCloseTo(fixture.temperature, 4);
    const found = calibration(fixture, { temperature });
    expect(found.negativeLogLikelihood).toBeCloseTo(fixture.nllTempered, 10);
    expect(found.accuracy).toBe(calibration(fixture).accuracy);
  });

  test('a planted temperature is found: logits three times too large', () => {
    const logits = fixture.logits.map((value) => (3 * value) / fixture.temperature);
    expect(fitTemperature({ ...fixture, logits })).toBeCloseTo(3, 3);
  });

  test('log posteriors give the temperature of the logits', () => {
    const posterior = new Float64Array(fixture.classes);
    const posteriors: number[] = [];
    for (let start = 0; start < fixture.logits.length; start += fixture.classes) {
      temperedPosterior(fixture.logits, start, 1, posterior);
      posteriors.push(...posterior);
    }
    const logits = logPosteriors(posteriors);
    expect(fitTemperature({ ...fixture, logits })).toBeCloseTo(fixture.temperature, 4);
  });

  test('unlabelled cells are left out; none labelled is an error', () => {
    const labels = fixture.labels.map((label, i) => (i < 100 ? label : -1));
    expect(calibration({ ...fixture, labels }).cells).toBe(100);
    const none = fixture.labels.map(() => -1);
    expect(() => fitTemperature({ ...fixture, labels: none })).toThrow(/no labelled cell/);
    expect(() => calibration(fixture, { temperature: 0 })).toThrow(/temperature 0/);
  });
});

describe('rejection', () => {
  const { positive, scores, ...expected } = analysisFixture<{
    positive: boolean[];
    scores: number[];
    areaUnderRoc: number;
    averagePrecision: number;
  }>('detection');

  test('areas are scikit-learn’s, ties among the scores', () => {
    const of = (wanted: boolean) => scores.filter((_, i) => positive[i] === wanted);
    expect(areaUnderRoc(of(true), of(false))).toBeCloseTo(expected.areaUnderRoc, 12);
    expect(averagePrecision(scores, positive)).toBeCloseTo(expected.averagePrecision, 12);
    expect(areaUnderRoc([], [1])).toBeNull();
    expect(averagePrecision([1], [false])).toBeNull();
  });

  test('what a threshold keeps and turns away', () => {
    const known = [0.9, 0.8, 0.5, 0.4].map((confidence, i) => ({ confidence, correct: i !== 1 }));
    expect(rejection(known, [0.3, 0.6], 0.5)).toEqual({
      threshold: 0.5,
      answered: 0.75,
      accuracyOfAnswered: 2 / 3,
      unseenRejected: 0.5,
    });
    expect(rejection(known, [], 1)).toMatchObject({ answered: 0, accuracyOfAnswered: null, unseenRejected: null });
    expect(() => rejection([], [], 0.5)).toThrow(/0 known cells/);
  });
});
