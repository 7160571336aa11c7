/** Requests to the server of the workbench. */
import type { ErrorBody } from '../src/workbench/protocol';

/** The server answered that it could not do it. */
export class Refusal extends Error {
  readonly code: string;
  constructor(code: string, message: string) {
    super(message);
    this.code = code;
  }
}

/** The server did not answer: nothing is known of the request. */
export class NoAnswer extends Error {}

async function ask(path: string, options: RequestInit): Promise<Response> {
  let response: Response;
  try {
    response = await fetch(`/api/${path}`, options);
  } catch {
    throw new NoAnswer('the server does not answer; is the command still running?');
  }
  if (response.ok) return response;
  const body = (await response.json().catch(() => null)) as ErrorBody | null;
  throw new Refusal(body?.error.code ?? 'internal', body?.error.message ?? `the server answered ${response.status}`);
}

export async function get<T>(path: string): Promise<T> {
  const response = await ask(path, {});
  return (await response.json().catch(() => {
    throw new NoAnswer('the answer of the server broke off');
  })) as T;
}

export async function getBytes(path: string): Promise<ArrayBuffer> {
  return (await ask(path, {})).arrayBuffer();
}

export async function post<T>(path: string, body: object): Promise<T> {
  const response = await ask(path, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify(body),
  });
  return (await response.json().catch(() => {
    throw new NoAnswer('the answer of the server broke off');
  })) as T;
}

/** A name that no other request has. */
export function uniqueName(): string {
  return Array.from(crypto.getRandomValues(new Uint32Array(4)), (part) => part.toString(36)).join('-');
}
