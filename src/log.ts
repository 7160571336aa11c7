/** How important a message is, most important first. */
export const logLevels = ['error', 'warn', 'info', 'debug'] as const;
export type LogLevel = (typeof logLevels)[number];

/** Where the library's messages go: it never prints by itself. */
export type Log = (level: LogLevel, message: string) => void;

/** The default: drops every message. */
export const silent: Log = () => {};
