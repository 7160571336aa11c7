/** Who may speak to the server: this machine's page alone, by a token that is in no other page's reach. */
import { randomBytes, timingSafeEqual } from 'node:crypto';
import type { MiddlewareHandler } from 'hono';
import { getCookie, setCookie } from 'hono/cookie';
import type { ErrorBody } from './protocol';

export function makeToken(): string {
  return randomBytes(24).toString('base64url');
}

/** Nothing from elsewhere, no script or style in the page's text. Pictures may be made in the page. */
const contentSecurityPolicy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' blob: data:",
  "font-src 'self'",
  "connect-src 'self'",
  "worker-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

export const securityHeaders: MiddlewareHandler = async (context, next) => {
  await next();
  context.header('Content-Security-Policy', contentSecurityPolicy);
  context.header('X-Content-Type-Options', 'nosniff');
  context.header('Referrer-Policy', 'no-referrer');
  context.header('Cross-Origin-Opener-Policy', 'same-origin');
  context.header('Cross-Origin-Resource-Policy', 'same-origin');
};

function same(a: string, b: string): boolean {
  const [first, second] = [Buffer.from(a), Buffer.from(b)];
  return first.length === second.length && timingSafeEqual(first, second);
}

const refusal = (message: string): ErrorBody => ({ error: { code: 'forbidden', message } });

/**
 * Checks Host (a foreign page that has its name point here sends its own), Origin (a foreign page sends its own), and the
 * token in the cookie or the Authorization header.
 * @param hosts values of Host that are ours, `name:port`; undefined: any, where the server listens to the network
 */
export function access(
  token: string,
  port: () => number,
  hosts: () => ReadonlySet<string> | undefined,
): MiddlewareHandler {
  return async (context, next) => {
    const host = context.req.header('host') ?? '';
    const ours = hosts();
    if (ours && !ours.has(host.toLowerCase())) {
      return context.json(refusal('the name of this server was not expected: open the address that was printed'), 403);
    }
    const origin = context.req.header('origin');
    if (origin !== undefined && origin.toLowerCase() !== `http://${host.toLowerCase()}`) {
      return context.json(refusal('the request comes from another page'), 403);
    }
    const site = context.req.header('sec-fetch-site');
    const cookieName = `deepyeast-${port()}`;
    const given = context.req.query('token');
    if (context.req.method === 'GET' && context.req.path === '/' && given !== undefined) {
      if (!same(given, token))
        return context.json(refusal('the token is wrong: open the address that was printed'), 403);
      setCookie(context, cookieName, token, { sameSite: 'Strict', httpOnly: true, path: '/' });
      return context.redirect('/', 303);
    }
    if (site !== undefined && site !== 'same-origin' && site !== 'none' && context.req.path.startsWith('/api/')) {
      return context.json(refusal('the request comes from another page'), 403);
    }
    const bearer = /^Bearer (.+)$/.exec(context.req.header('authorization') ?? '')?.[1];
    const shown = getCookie(context, cookieName) ?? bearer ?? '';
    if (!same(shown, token)) {
      return context.json(refusal('the token is missing: open the address that was printed'), 403);
    }
    return next();
  };
}
