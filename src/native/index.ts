export type * from './addon';
export { chooseDevice, type Device, defaultPrecision, devices, type Precision, precisions } from './cuda';
export { type Assurance, type LoadedAddon, loadAddon, locateAddon, type Refusal } from './load';
