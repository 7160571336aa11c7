export { type ServerOptions, serveWorkbench, type WorkbenchServer } from './server';
export { Workbench, type WorkbenchOptions } from './workbench';
