/**
 * What the person did and the server has not confirmed yet, in order. It lies in the tab's session storage, so that a
 * reload sends it again; each has a unique name, so that the server does none of them twice.
 */
import { signal } from '@preact/signals';
import type { Written } from '../src/workbench/protocol';
import { post, Refusal, uniqueName } from './server';

interface Waiting {
  path: 'answers' | 'undo' | 'redo' | 'classes';
  body: object;
}

const storageKey = 'deepyeast-outbox';
const clientKey = 'deepyeast-client';
const pause = 1000;

export const client = sessionStorage.getItem(clientKey) ?? uniqueName();
sessionStorage.setItem(clientKey, client);

function stored(): Waiting[] {
  try {
    return JSON.parse(sessionStorage.getItem(storageKey) ?? '[]') as Waiting[];
  } catch {
    return [];
  }
}

/** Sent, or to be sent, and not confirmed. */
export const waiting = signal<Waiting[]>(stored());
/** Why the last attempt did not come through; '' where it did. */
export const trouble = signal('');

/** The request itself is wrong: it would be refused again. All else (a new token, a full disk) may pass. */
const refusedForGood = new Set(['invalid-argument', 'not-found', 'too-large']);

function set(list: Waiting[]): void {
  waiting.value = list;
  try {
    sessionStorage.setItem(storageKey, JSON.stringify(list));
  } catch {
    // A full storage: the list in memory is still sent.
  }
}

let sending = false;

/** Sends all that waits, one after the other; what may pass later is tried again until it does. */
export async function sendWaiting(written: (result: Written) => void, refused: (message: string) => void) {
  if (sending) return;
  sending = true;
  try {
    for (let first = waiting.value[0]; first; first = waiting.value[0]) {
      try {
        const result = await post<Written>(first.path, first.body);
        trouble.value = '';
        set(waiting.value.slice(1));
        written(result);
      } catch (error) {
        const message = error instanceof Error ? error.message : String(error);
        if (error instanceof Refusal && refusedForGood.has(error.code)) {
          set(waiting.value.slice(1));
          refused(message);
        } else {
          trouble.value = message;
          await new Promise((resolve) => setTimeout(resolve, pause));
        }
      }
    }
  } finally {
    sending = false;
  }
}

export function enqueue(path: Waiting['path'], content: object): void {
  set([...waiting.value, { path, body: { client, request: uniqueName(), ...content } }]);
}

addEventListener('beforeunload', (event) => {
  if (waiting.value.length > 0) event.preventDefault();
});
