/** A layer's units in a few numbers: medians and maxima of what was found out about them. */
import type { Network } from '../network/network';
import { median } from '../ratios';
import type { Embedding } from './embedding';
import { betterSummaries, type LayerFindings } from './layer-study';
import type { UnitInformation } from './mutual-information';
import { receptiveField } from './receptive-field';

/** A layer in numbers. Medians and maxima are over units, of the better summary in a convolution. */
export interface LayerSummary {
  layer: string;
  units: number;
  constantUnits: number;
  /** Pixels of a unit's patch; the crop's size for dense layers. */
  receptiveField: number;
  medianInformation: number | null;
  maximumInformation: number | null;
  medianPermuted: number | null;
  medianOneAgainstRest: number | null;
  maximumOneAgainstRest: number | null;
  medianClassicCorrelation: number | null;
  medianGaborCorrelation: number | null;
  purity: Embedding['purity'] | null;
}

const largest = (values: readonly number[]) => (values.length === 0 ? null : Math.max(...values));

function informationSummary(units: readonly UnitInformation[]) {
  const of = (pick: (unit: UnitInformation) => number) => units.map(pick);
  return {
    units: units.length,
    constantUnits: units.filter(({ constant }) => constant).length,
    medianInformation: median(of((unit) => unit.information)).value,
    maximumInformation: largest(of((unit) => unit.information)),
    medianPermuted: median(of((unit) => unit.permuted)).value,
    medianOneAgainstRest: median(of((unit) => unit.oneAgainstRest)).value,
    maximumOneAgainstRest: largest(of((unit) => unit.oneAgainstRest)),
  };
}

/** The summary of one layer, for explain.json. */
export function summariseLayer(network: Network, found: LayerFindings): LayerSummary {
  const absolute = (rows: readonly { correlation: number | null }[] | null) =>
    median((rows ?? []).map(({ correlation }) => correlation && Math.abs(correlation))).value;
  return {
    layer: found.layer,
    receptiveField: receptiveField(network.topology, found.layer)?.size ?? network.topology.imageSize,
    ...informationSummary(betterSummaries(found)),
    medianClassicCorrelation: absolute(found.correlations),
    medianGaborCorrelation: absolute(found.gabor),
    purity: found.embedding.purity,
  };
}

/** The summary of the classic features, for explain.json. */
export function summariseClassic(network: Network, information: readonly UnitInformation[]) {
  return {
    layer: 'classic',
    receptiveField: network.topology.imageSize,
    ...informationSummary(information),
  };
}
