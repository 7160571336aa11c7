/** Requests over HTTP: through the proxy that HTTP_PROXY, HTTPS_PROXY, ALL_PROXY and NO_PROXY name, redirects followed. */
import type { Agent, Dispatcher } from 'undici';

const mostRedirects = 10;

export interface WebResponse {
  status: number;
  headers: Record<string, string | string[] | undefined>;
  /** As sent: no content encoding is undone, since what is registered is the file itself. */
  body: AsyncIterable<Uint8Array>;
  /** Gives the connection up without reading the body. */
  dismiss(): void;
}

export class WebClient {
  readonly #stallMs: number;
  /** By proxy, '' for none. */
  readonly #agents = new Map<string, Agent>();

  /** `stallMs`: a server that sends nothing for so long counts as gone. */
  constructor(stallMs: number) {
    this.#stallMs = stallMs;
  }

  async get(url: string, headers: Record<string, string>, signal?: AbortSignal): Promise<WebResponse> {
    const { request } = await import('undici');
    let current = new URL(url);
    for (let redirects = 0; ; redirects++) {
      const response = await request(current, {
        method: 'GET',
        headers: { 'accept-encoding': 'identity', 'user-agent': 'deepyeast', ...headers },
        dispatcher: await this.#agentFor(current),
        headersTimeout: this.#stallMs,
        bodyTimeout: this.#stallMs,
        ...(signal && { signal }),
      });
      // A connection that breaks before anybody reads must not end the process: whoever reads then is told.
      response.body.on('error', () => {});
      const dismiss = () => response.body.destroy();
      const { location } = response.headers;
      if (![301, 302, 303, 307, 308].includes(response.statusCode) || typeof location !== 'string') {
        return { status: response.statusCode, headers: response.headers, body: response.body, dismiss };
      }
      dismiss();
      if (redirects === mostRedirects) throw new Error(`more than ${mostRedirects} redirects`);
      current = new URL(location, current);
      if (!['http:', 'https:'].includes(current.protocol)) throw new Error(`a redirect to ${current.protocol}`);
    }
  }

  /** Ends all connections. */
  async close(): Promise<void> {
    await Promise.all([...this.#agents.values()].map((agent) => agent.destroy()));
    this.#agents.clear();
  }

  async #agentFor(url: URL): Promise<Dispatcher> {
    const [{ Agent, ProxyAgent }, { getProxyForUrl }] = await Promise.all([import('undici'), import('proxy-from-env')]);
    const proxy = getProxyForUrl(url.href);
    // Plain HTTP is asked of the proxy itself: many tunnel to port 443 only.
    const key = `${proxy} ${url.protocol}`;
    let agent = this.#agents.get(key);
    if (agent === undefined) {
      const made = proxy === '' ? new Agent() : new ProxyAgent({ uri: proxy, proxyTunnel: url.protocol === 'https:' });
      agent = made as Agent;
      this.#agents.set(key, agent);
    }
    return agent;
  }
}
