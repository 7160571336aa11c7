export type * from './addon';
export { type Assurance, type LoadedAddon, loadAddon, locateAddon, type Refusal } from './load';
