/** XML read as a stream: an index of a plate may hold tens of thousands of elements in 50 MB. */

import { createReadStream } from 'node:fs';
import { DeepYeastError, fileError } from '../errors';

/** Elements within each other. A microscope's indexes have fewer than ten. */
const mostDepth = 64;
/** Characters of one element's text or one attribute. */
const mostText = 2 ** 24;

export interface XmlVisitor {
  /** At the start of an element: its name without prefix, its attributes without prefixes, and the names around it. */
  open?(name: string, attributes: Readonly<Record<string, string>>, ancestors: readonly string[]): void;
  /** At its end, with the text directly within it, without surrounding blanks. */
  close?(name: string, text: string, ancestors: readonly string[]): void;
}

/**
 * Reads an XML file (UTF-8 or UTF-16) in linear time. Entities that a document declares itself are not expanded but an
 * error, so no document grows while it is read.
 * @throws image-invalid for what is no XML, io-error
 */
export async function readXmlFile(path: string, visitor: XmlVisitor): Promise<void> {
  const parser = await xmlParser(visitor);
  const stream = createReadStream(path, { highWaterMark: 2 ** 18 });
  let decoder: InstanceType<typeof TextDecoder> | undefined;
  try {
    for await (const bytes of stream as AsyncIterable<Buffer>) {
      decoder ??= new TextDecoder(encodingOf(bytes), { fatal: true });
      parser.write(decoder.decode(bytes, { stream: true }));
    }
    parser.write(decoder?.decode() ?? '');
    parser.close();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).syscall !== undefined) throw fileError('read', path, error);
    throw new DeepYeastError(
      'image-invalid',
      `${path}: ${reasonOf(error)}: repair it, or move it away to take the images by their names alone`,
      { cause: error },
    );
  } finally {
    stream.destroy();
  }
}

function encodingOf(bytes: Buffer): string {
  if (bytes[0] === 0xff && bytes[1] === 0xfe) return 'utf-16le';
  if (bytes[0] === 0xfe && bytes[1] === 0xff) return 'utf-16be';
  return 'utf-8';
}

class XmlLimit extends Error {}

function reasonOf(error: unknown): string {
  if (error instanceof XmlLimit) return error.message;
  const message = error instanceof Error ? error.message : String(error);
  return `is no well-formed XML (${message.split('\n', 1)[0]})`;
}

async function xmlParser(visitor: XmlVisitor) {
  const { SaxesParser } = await import('saxes');
  const parser = new SaxesParser();
  const ancestors: string[] = [];
  const texts: string[] = [];
  parser.on('error', (error) => {
    throw error;
  });
  parser.on('opentag', ({ name, attributes }) => {
    if (ancestors.length >= mostDepth) throw new XmlLimit(`has elements more than ${mostDepth} deep`);
    const local = withoutPrefix(name);
    if (visitor.open) {
      const entries = Object.entries(attributes as Record<string, string>);
      visitor.open(local, Object.fromEntries(entries.map(([key, value]) => [withoutPrefix(key), value])), ancestors);
    }
    ancestors.push(local);
    texts.push('');
  });
  const addText = (text: string) => {
    const last = texts.length - 1;
    if (last < 0) return;
    const sum = (texts[last] as string) + text;
    if (sum.length > mostText) throw new XmlLimit(`has an element with more than ${mostText} characters of text`);
    texts[last] = sum;
  };
  parser.on('text', addText);
  parser.on('cdata', addText);
  parser.on('closetag', () => {
    const name = ancestors.pop() as string;
    visitor.close?.(name, (texts.pop() as string).trim(), ancestors);
  });
  return parser;
}

function withoutPrefix(name: string): string {
  const colon = name.indexOf(':');
  return colon < 0 ? name : name.slice(colon + 1);
}
