/** The HTTP server of the workbench: the page's files and the endpoints, for whoever has the token. */
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { createAdaptorServer } from '@hono/node-server';
import { Hono } from 'hono';
import { DeepYeastError } from '../errors';
import { type Log, silent } from '../log';
import { access, makeToken, securityHeaders } from './access';
import { readPage } from './page-files';
import { apiRoutes } from './routes';
import type { Workbench } from './workbench';

export interface ServerOptions {
  /** Default 127.0.0.1: this machine only. Anything else lets the network in: whoever has the token can label. */
  host?: string;
  /** Default 0: any that is free. */
  port?: number;
  /** Default random. */
  token?: string;
  /** Folder of the built page; default that of the package. */
  page?: string;
  log?: Log;
}

export interface WorkbenchServer {
  /** To open in a browser, with the token. */
  address: string;
  port: number;
  token: string;
  /** Ends all connections and the workbench. */
  close(): Promise<void>;
}

const loopback = new Set(['127.0.0.1', 'localhost', '::1']);

/** @throws io-error where the port is taken */
export async function serveWorkbench(workbench: Workbench, options: ServerOptions = {}): Promise<WorkbenchServer> {
  const { host = '127.0.0.1', token = makeToken(), log = silent } = options;
  const page = await readPage(options.page ?? join(__dirname, '..', 'web'));
  let port = options.port ?? 0;
  const hosts = () =>
    loopback.has(host) ? new Set([`127.0.0.1:${port}`, `localhost:${port}`, `[::1]:${port}`]) : undefined;
  const app = new Hono();
  app.use(securityHeaders);
  app.use(access(token, () => port, hosts));
  app.route('/api', apiRoutes(workbench, log));
  app.all('/api/*', (context) =>
    context.json({ error: { code: 'not-found', message: 'there is no such endpoint' } }, 404),
  );
  app.get('*', (context) => {
    const file = page.get(context.req.path);
    if (file) return context.body(file.bytes, 200, { 'Content-Type': file.type });
    return context.json({ error: { code: 'not-found', message: 'there is no such file' } }, 404);
  });
  const server = createAdaptorServer({ fetch: app.fetch }) as Server;
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error) =>
      reject(new DeepYeastError('io-error', `cannot listen at ${host}:${port}: ${error.message}`)),
    );
    server.listen(port, host, resolve);
  });
  port = (server.address() as AddressInfo).port;
  const shown = host.includes(':') ? `[${host}]` : host;
  return {
    address: `http://${shown}:${port}/?token=${token}`,
    port,
    token,
    async close() {
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
      await workbench.close();
    },
  };
}
