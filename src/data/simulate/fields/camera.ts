/** The plate's camera: 16 bits, one gain for all its fields. */
import { expose } from '../camera';
import type { Draws } from '../draws';
import { shift } from '../optics';
import { difficultyNumbers } from '../traits';
import { type Illumination, illuminate } from './illumination';
import type { FieldRequest } from './request';

/** The largest count of the camera. */
export const fullScale = 65535;
/** Counts in the dark: a pedestal and a few deviations of the read noise, so that no count is below 0. */
const pedestal = 100;
const noiseAbovePedestal = 4;
/** Counts of a usual cell's brightest light over the dark. */
const cellCounts = { red: 4500, green: 3000 } as const;
/** Factor on the gain of a field whose exposure is far too long. */
const overexposed = 30;

export interface CameraPlane {
  readonly width: number;
  readonly height: number;
  readonly data: Uint16Array;
}

/** Turns the blurred light of both channels into the planes of a field; changes it. */
export function photograph(
  light: { width: number; red: Float32Array; green: Float32Array },
  request: FieldRequest,
  lamp: Illumination,
  draws: Draws,
): { red: CameraPlane; green: CameraPlane } {
  const { plate, traits, noise, fault } = request;
  const { width, red, green } = light;
  // Four times the light has half of the noise.
  const exposure = difficultyNumbers[request.difficulty].light / noise ** 2;
  const gain = fault === 'saturated' ? overexposed : 1;
  const redPhotons = plate.redPhotons * exposure;
  const greenPhotons = plate.greenPhotons * exposure;
  const photonsOfCell = {
    red: redPhotons * traits.redBrightness,
    green: greenPhotons * traits.greenBrightness * request.protein.expression,
  };
  illuminate(red, width, plate.redBackground, lamp);
  illuminate(green, width, (plate.greenBackground * greenPhotons) / photonsOfCell.green, lamp);
  const dark = { background: 0, saturation: Number.POSITIVE_INFINITY };
  // Read noise over light follows the noise too.
  const redNoise = (plate.redNoise * plate.redPhotons) / noise;
  const greenNoise = (plate.greenNoise * plate.greenPhotons) / noise;
  expose(red, { ...dark, photons: photonsOfCell.red, readNoise: redNoise }, draws);
  expose(green, { ...dark, photons: photonsOfCell.green, readNoise: greenNoise }, draws);
  shift(red, plate.shiftX, plate.shiftY, width);
  const redGain = (gain * cellCounts.red) / redPhotons;
  const greenGain = (gain * cellCounts.green) / greenPhotons;
  return { red: digitize(red, width, redGain, redNoise), green: digitize(green, width, greenGain, greenNoise) };
}

function digitize(photons: Float32Array, width: number, gain: number, readNoise: number): CameraPlane {
  const data = new Uint16Array(photons.length);
  const offset = pedestal + noiseAbovePedestal * gain * readNoise + 0.5;
  for (let i = 0; i < photons.length; i++) {
    const count = gain * (photons[i] as number) + offset;
    data[i] = count < 0 ? 0 : count > fullScale ? fullScale : count;
  }
  return { width, height: photons.length / width, data };
}
