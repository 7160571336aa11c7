import { DeepYeastError, type ErrorCode } from '../errors';

/** Of arrays and objects in each other; what this project and others write has fewer than ten. */
export const deepestJson = 100;

/**
 * The value of a JSON text; a byte order mark is passed over. `path` is for the message. A text that is nested so deeply
 * that whoever walks through its value would run out of stack is refused like one that is not JSON.
 *
 * @throws `code`
 */
export function parseJson(text: string, path: string, code: ErrorCode): unknown {
  if (isDeeperThan(text, deepestJson)) {
    throw new DeepYeastError(code, `${path} is no JSON to be read: it is nested more than ${deepestJson} levels deep`);
  }
  try {
    return JSON.parse(text.replace(/^\ufeff/, ''));
  } catch (cause) {
    throw new DeepYeastError(code, `${path} is not JSON: ${(cause as Error).message}`, { cause });
  }
}

const quote = 0x22;
const backslash = 0x5c;

/** One pass over the text, whether it is JSON or not. */
function isDeeperThan(text: string, most: number): boolean {
  let depth = 0;
  for (let i = 0; i < text.length; i++) {
    const character = text.charCodeAt(i);
    if (character === quote) {
      i = endOfString(text, i);
    } else if (character === 0x5b || character === 0x7b) {
      depth++;
      if (depth > most) return true;
    } else if (character === 0x5d || character === 0x7d) {
      depth--;
    }
  }
  return false;
}

/** Where the string that begins at `start` has its closing quote. */
function endOfString(text: string, start: number): number {
  let end = text.indexOf('"', start + 1);
  while (end > 0) {
    let first = end;
    while (text.charCodeAt(first - 1) === backslash) first--;
    if ((end - first) % 2 === 0) return end;
    end = text.indexOf('"', end + 1);
  }
  return text.length;
}
