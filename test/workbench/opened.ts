/** A workbench on a made dataset, with its server, for a test. */
import {
  type ServerOptions,
  serveWorkbench,
  Workbench,
  type WorkbenchOptions,
  type WorkbenchServer,
} from '../../src/workbench';

export interface Opened {
  workbench: Workbench;
  server: WorkbenchServer;
  /** Asks an endpoint with the token; a body makes it a POST. */
  ask(path: string, body?: unknown, headers?: Record<string, string>): Promise<Response>;
  /** The JSON of a request that must succeed. */
  json<Value>(path: string, body?: unknown): Promise<Value>;
}

export async function openWorkbench(data: string, options: WorkbenchOptions & ServerOptions = {}): Promise<Opened> {
  const workbench = await Workbench.open(data, options);
  const server = await serveWorkbench(workbench, options);
  const ask = (path: string, body?: unknown, headers: Record<string, string> = {}) =>
    fetch(`http://127.0.0.1:${server.port}/api${path}`, {
      headers: {
        authorization: `Bearer ${server.token}`,
        ...(body !== undefined && { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body !== undefined && { method: 'POST', body: JSON.stringify(body) }),
    });
  const json = async <Value>(path: string, body?: unknown): Promise<Value> => {
    const answer = await ask(path, body);
    const text = await answer.text();
    if (!answer.ok) throw new Error(`${path}: ${answer.status} ${text}`);
    return JSON.parse(text) as Value;
  };
  return { workbench, server, ask, json };
}
