/**
 * Names of people may hold whatever a terminal takes for a command (colours, titles, cursor moves) or what turns the
 * order of letters around. All that the command line writes for people goes through here.
 */

// biome-ignore lint/suspicious/noControlCharactersInRegex: these are the ones that are meant; line feed and tab stay
const commands = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2028\u2029\u2066-\u2069]/g;

const escaped = (character: string) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;

/** The text with such characters written out: \u001b. */
export function plainText(text: string): string {
  return text.replace(commands, escaped);
}

/** One line of JSON, all of whose control characters are escaped. */
export function jsonLine(value: unknown): string {
  return `${JSON.stringify(value).replace(commands, escaped)}\n`;
}
