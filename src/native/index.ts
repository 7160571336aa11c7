export type * from './addon';
export { chooseDevice, type Device, defaultPrecision, devices, type Precision, precisions } from './cuda';
export { type LoadedAddon, loadAddon, locateAddon } from './load';
