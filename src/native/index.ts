export type * from './addon';
export { type LoadedAddon, loadAddon, locateAddon } from './load';
