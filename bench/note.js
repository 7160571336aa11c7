/** Progress, to standard error. */
export function note(message) {
  process.stderr.write(`${message}\n`);
}
