import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';

/** A web server on this machine; `requests` are those that came, in order. */
export interface TestServer {
  url(path: string): string;
  requests: IncomingMessage[];
  close(): Promise<void>;
}

export type Handler = (request: IncomingMessage, response: ServerResponse, count: number) => void;

/** `count`: how many requests for the path came before. */
export async function startServer(handlers: Record<string, Handler>): Promise<TestServer> {
  const requests: IncomingMessage[] = [];
  const counts = new Map<string, number>();
  const server = createServer((incoming, response) => {
    requests.push(incoming);
    const path = incoming.url ?? '';
    const count = counts.get(path) ?? 0;
    counts.set(path, count + 1);
    const handler = handlers[path];
    if (handler) handler(incoming, response, count);
    else response.writeHead(404).end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: (path) => `http://127.0.0.1:${port}${path}`,
    requests,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** Answers whole or, with a Range header, the rest, as usual web servers do. */
export function serve(content: Buffer, headers: Record<string, string> = {}): Handler {
  return (incoming, response) => {
    const begin = rangeBegin(incoming);
    if (begin === undefined) {
      response.writeHead(200, { 'content-length': content.length, ...headers }).end(content);
    } else if (begin >= content.length) {
      response.writeHead(416, { 'content-range': `bytes */${content.length}` }).end();
    } else {
      const range = `bytes ${begin}-${content.length - 1}/${content.length}`;
      response
        .writeHead(206, { 'content-length': content.length - begin, 'content-range': range, ...headers })
        .end(content.subarray(begin));
    }
  };
}

export function rangeBegin({ headers: { range } }: IncomingMessage): number | undefined {
  return range === undefined ? undefined : Number(/^bytes=(\d+)-$/.exec(range)?.[1]);
}

/** A proxy that forwards plain requests and tunnels, and notes what went through it. */
export async function startProxy(): Promise<TestServer & { tunnels: string[] }> {
  const requests: IncomingMessage[] = [];
  const tunnels: string[] = [];
  const sockets = new Set<Socket>();
  const proxy = createServer((incoming, response) => {
    requests.push(incoming);
    const forwarded = request(incoming.url as string, { headers: incoming.headers }, (answer) => {
      response.writeHead(answer.statusCode as number, answer.headers);
      answer.pipe(response);
    });
    forwarded.on('error', () => response.destroy());
    forwarded.end();
  });
  proxy.on('connect', (incoming, client: Socket) => {
    tunnels.push(incoming.url as string);
    const [host, port] = (incoming.url as string).split(':');
    const target = connect(Number(port), host, () => {
      client.write('HTTP/1.1 200 Connection established\r\n\r\n');
      target.pipe(client).pipe(target);
    });
    for (const socket of [client, target]) {
      sockets.add(socket);
      socket.on('error', () => socket.destroy());
    }
  });
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
  const { port } = proxy.address() as AddressInfo;
  return {
    url: (path) => `http://127.0.0.1:${port}${path}`,
    requests,
    tunnels,
    close: () =>
      new Promise((resolve) => {
        for (const socket of sockets) socket.destroy();
        proxy.close(() => resolve());
        proxy.closeAllConnections();
      }),
  };
}
