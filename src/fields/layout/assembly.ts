/** Planes put together to fields: which channel is which, which time, what is missing. */

import { throwIfAborted } from '../../abort';
import { compareWells } from '../../data/well';
import { DeepYeastError } from '../../errors';
import { parseWholeNumber } from '../../files/number';
import type { ChannelFound, FoundPlane, FoundPlanes, PlaneSource } from './found-plane';

/** One field of view and where its planes are. */
export interface FieldImages {
  /** Unique in a listing, and the same each time: plate, well and field, joined by `/`. */
  key: string;
  plate: string;
  /** A01 where it is a well's name. */
  well: string;
  field: string;
  /** Where the pattern names it. */
  protein?: string;
  /** What else the pattern names. */
  columns?: Record<string, string>;
  /** By role: a z-stack in order of its planes, one entry otherwise. */
  channels: { [role: string]: PlaneSource[] };
  /** Path of the first plane of the marker, which is the first of the channels asked for. */
  markerPath: string;
  /** Micrometres. */
  pixelSize?: number;
  /** In the well or on the stage, in micrometres, as the microscope wrote it. */
  position?: { x: number; y: number };
}

export interface FieldProblem {
  path: string;
  reason: string;
  /** `io-error` is a fault of the file system, which has nothing to do with the image. */
  code: 'image-invalid' | 'io-error';
}

/** Files that were not taken, by the reason. */
export interface LeftOut {
  reason: string;
  count: number;
  /** A few of their paths. */
  examples: string[];
}

interface Group {
  first: FoundPlane;
  /** In the order in which they were found. */
  planes: { channel: string; t: number; source: PlaneSource }[];
}

const mostExamples = 3;

export class FieldAssembly implements FoundPlanes {
  readonly problems: FieldProblem[] = [];
  readonly warnings: string[] = [];
  private readonly groups = new Map<string, Group>();
  private readonly channels = new Map<string, ChannelFound>();
  private readonly passedOver = new Map<string, LeftOut>();

  constructor(private readonly signal?: AbortSignal) {}

  plane(found: FoundPlane): void {
    throwIfAborted(this.signal);
    const key = fieldKey(found);
    let group = this.groups.get(key);
    if (!group) {
      group = { first: found, planes: [] };
      this.groups.set(key, group);
    }
    group.planes.push({ channel: found.channel, t: found.t, source: found.source });
    if (!this.channels.has(found.channel)) this.channels.set(found.channel, { id: found.channel, aliases: [] });
  }

  channel(channel: ChannelFound): void {
    const before = this.channels.get(channel.id);
    const name = channel.name ?? before?.name;
    this.channels.set(channel.id, {
      id: channel.id,
      aliases: [...new Set([...(before?.aliases ?? []), ...channel.aliases])],
      ...(name !== undefined && { name }),
    });
  }

  problem(path: string, reason: string, code: FieldProblem['code'] = 'image-invalid'): void {
    this.problems.push({ path, reason, code });
  }

  hasChannel(id: string): boolean {
    return this.channels.has(id);
  }

  leftOut(path: string, reason: string): void {
    const entry = this.passedOver.get(reason) ?? { reason, count: 0, examples: [] };
    entry.count++;
    if (entry.examples.length < mostExamples) entry.examples.push(path);
    this.passedOver.set(reason, entry);
  }

  warning(text: string): void {
    this.warnings.push(text);
  }

  get leftOutFiles(): LeftOut[] {
    return [...this.passedOver.values()];
  }

  get channelNames(): string[] {
    return [...this.channels.values()].sort((a, b) => naturally(a.id, b.id)).map(describe);
  }

  get isEmpty(): boolean {
    return this.groups.size === 0;
  }

  /**
   * The fields, in order of plate, well and field. A field without one of the channels is a problem, not a field.
   * @throws invalid-argument for a channel that no field has, for times where none was chosen, and where two files are the
   *   same plane
   */
  fields(wanted: ReadonlyMap<string, string>, time?: number): FieldImages[] {
    const roles = this.resolveChannels(wanted);
    const t = this.resolveTime(time);
    const fields: FieldImages[] = [];
    for (const [key, group] of this.groups) {
      const field = this.field(key, group, roles, t);
      if (field) fields.push(field);
    }
    return fields.sort(
      (a, b) => naturally(a.plate, b.plate) || compareWells(a.well, b.well) || naturally(a.field, b.field),
    );
  }

  private field(key: string, group: Group, roles: ReadonlyMap<string, string>, t: number): FieldImages | undefined {
    const byChannel = new Map<string, PlaneSource[]>();
    const used = new Set(roles.values());
    for (const { channel, t: time, source } of group.planes) {
      if (!used.has(channel)) {
        this.leftOut(source.path, `the channel ${describe(this.channels.get(channel) as ChannelFound)}, not asked for`);
      } else if (time !== t) {
        this.leftOut(source.path, `another time than ${t}`);
      } else {
        const stack = byChannel.get(channel);
        if (stack) stack.push(source);
        else byChannel.set(channel, [source]);
      }
    }
    const { first } = group;
    const missing = [...roles].filter(([, channel]) => !byChannel.has(channel));
    if (missing.length > 0) {
      const names = missing.map(
        ([role, channel]) => `${role} (${describe(this.channels.get(channel) as ChannelFound)})`,
      );
      this.problem(first.source.path, `the field ${key} has no image for the channel ${names.join(' and ')}`);
      return undefined;
    }
    const channels: { [role: string]: PlaneSource[] } = {};
    for (const [role, channel] of roles) channels[role] = this.stack(byChannel.get(channel) as PlaneSource[]);
    const [marker] = Object.values(channels) as [PlaneSource[]];
    return {
      key,
      plate: first.plate,
      well: first.well,
      field: first.field,
      ...(first.protein !== undefined && { protein: first.protein }),
      ...(first.columns !== undefined && { columns: first.columns }),
      channels,
      markerPath: (marker[0] as PlaneSource).path,
      ...(first.pixelSize !== undefined && { pixelSize: first.pixelSize }),
      ...(first.position !== undefined && { position: first.position }),
    };
  }

  /** Planes in order. A file without a plane's number beside others with one is their projection. */
  private stack(sources: readonly PlaneSource[]): PlaneSource[] {
    const numbered = sources.filter(({ z }) => z !== undefined);
    if (numbered.length > 0) {
      for (const { path, z } of sources) if (z === undefined) this.leftOut(path, 'a projection beside its z-stack');
    }
    const stack = [...(numbered.length > 0 ? numbered : sources)].sort((a, b) => (a.z ?? 0) - (b.z ?? 0));
    for (let index = 1; index < stack.length; index++) {
      const [before, source] = [stack[index - 1] as PlaneSource, stack[index] as PlaneSource];
      if (before.z !== source.z) continue;
      if (before.path === source.path && before.page === source.page && before.sample === source.sample) {
        throw new DeepYeastError('invalid-argument', `${source.path} is found twice: give each folder once`);
      }
      throw new DeepYeastError(
        'invalid-argument',
        `${before.path} and ${source.path} are the same plane of one field by their names: read one measurement at a time, ` +
          'or name the plate in the pattern ({plate})',
      );
    }
    return stack;
  }

  private resolveChannels(wanted: ReadonlyMap<string, string>): Map<string, string> {
    const found = [...this.channels.values()];
    if (wanted.size === 0) return new Map(found.map(({ id }) => [id, id]));
    const roles = new Map<string, string>();
    for (const [role, text] of wanted) {
      const channel = matchChannel(text, found);
      if (channel === undefined) {
        throw new DeepYeastError(
          'invalid-argument',
          `found no channel "${text}" for ${role}; the images have ${this.channelNames.join(', ') || 'none'}`,
        );
      }
      const other = [...roles].find(([, id]) => id === channel.id);
      if (other) {
        throw new DeepYeastError(
          'invalid-argument',
          `${other[0]} and ${role} are both the channel ${describe(channel)}, expected different ones`,
        );
      }
      roles.set(role, channel.id);
    }
    return roles;
  }

  private resolveTime(time: number | undefined): number {
    const times = new Set<number>();
    for (const { planes } of this.groups.values()) for (const { t } of planes) times.add(t);
    const sorted = [...times].sort((a, b) => a - b);
    if (time === undefined && sorted.length === 1) return sorted[0] as number;
    const list = sorted.length <= 6 ? sorted.join(', ') : `${sorted.slice(0, 5).join(', ')} to ${sorted.at(-1)}`;
    if (time === undefined) {
      throw new DeepYeastError('invalid-argument', `the images have the times ${list}: say which one with --t`);
    }
    if (!times.has(time))
      throw new DeepYeastError('invalid-argument', `found no time ${time}; the images have ${list}`);
    return time;
  }
}

/** By the text as the layout writes it, then by any other text for it; letters' case and leading zeros mean nothing. */
function matchChannel(text: string, found: readonly ChannelFound[]): ChannelFound | undefined {
  const plain = (name: string) => name.toLowerCase().replace(/(?<!\d)0+(?=\d)/g, '');
  const matches = (test: (channel: ChannelFound) => boolean) => {
    const all = found.filter(test);
    if (all.length > 1) {
      throw new DeepYeastError(
        'invalid-argument',
        `the channel "${text}" may be ${all.map(describe).join(' or ')}: give its number`,
      );
    }
    return all[0];
  };
  return (
    matches(({ id }) => id === text) ??
    matches(({ id, aliases, name }) =>
      [id, ...aliases, ...(name === undefined ? [] : [name])].some((known) => plain(known) === plain(text)),
    )
  );
}

function describe({ id, aliases, name }: ChannelFound): string {
  const shown = aliases[0] ?? id;
  return name === undefined || name === shown ? shown : `${shown} (${name})`;
}

/** The key of a field. What would end one of its parts is written as in a web address. */
export function fieldKey({ plate, well, field }: { plate: string; well: string; field: string }): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what must not get into a key
  const part = (text: string) => text.replace(/[%/\\\u0000-\u001f]/g, (character) => encodeURIComponent(character));
  return [plate, well, field].map(part).join('/');
}

/** Numbers by value, before other text. */
export function naturally(a: string, b: string): number {
  const [first, second] = [a, b].map((text) => parseWholeNumber(text));
  if (first !== undefined && second !== undefined && first !== second) return first - second;
  if ((first === undefined) !== (second === undefined)) return first === undefined ? 1 : -1;
  return a < b ? -1 : a > b ? 1 : 0;
}
