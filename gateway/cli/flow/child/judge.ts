import type { FlowNode } from "../messages.ts";
import type { CommandWanted, Expectation, OutputWanted, PublishedWanted } from "../scenario.ts";
import type { ValuePublished } from "./fake-gateway.ts";
import type { CommandGiven } from "./pretended-commands.ts";

/** What a flow did, in the order of time. `at`: ms since the start. */
export type Deed =
  | { readonly kind: "command"; readonly at: number; readonly command: CommandGiven }
  | { readonly kind: "published"; readonly at: number; readonly value: ValuePublished }
  | {
      readonly kind: "output";
      readonly at: number;
      readonly node: FlowNode;
      readonly port: number;
      readonly msg: Readonly<Record<string, unknown>>;
    };

export interface Judgement {
  readonly passed: boolean;
  readonly expected: string;
  readonly got: readonly string[];
}

/** Holds what happened against each part of an expectation. */
export function judge(wanted: Expectation, deeds: readonly Deed[]): Judgement[] {
  const found: Judgement[] = [];
  const commands = deeds.filter((deed) => deed.kind === "command");
  const outputs = deeds.filter((deed) => deed.kind === "output");
  const { command, output, alarm, published } = wanted;
  const none = wanted["no-output"];
  if (command) found.push(commandsAre([command].flat(), commands));
  if (wanted["no-command"])
    found.push({
      passed: commands.length === 0,
      expected: "no command",
      got: commands.map(shownDeed),
    });
  for (const one of output ? [output].flat() : []) found.push(hasOutput(one, outputs));
  if (none) {
    const ofNode = outputs.filter(
      ({ node, port }) => isNode(node, none.node) && (none.port === undefined || port === none.port),
    );
    found.push({
      passed: ofNode.length === 0,
      expected: `no output of "${none.node}"`,
      got: ofNode.map(shownDeed),
    });
  }
  if (alarm !== undefined) found.push(hasAlarm(alarm, outputs));
  if (published !== undefined)
    found.push(
      publishedAre(
        published === "none" ? [] : [published].flat(),
        deeds.filter((deed) => deed.kind === "published"),
      ),
    );
  return found;
}

/** All commands, these and no others, in this order. */
function commandsAre(
  wanted: readonly CommandWanted[],
  commands: readonly Extract<Deed, { kind: "command" }>[],
): Judgement {
  const passed =
    wanted.length === commands.length &&
    wanted.every((one, index) => {
      const given = commands[index]?.command;
      return (
        given !== undefined &&
        Object.entries(one).every(([key, value]) => same(value, Reflect.get(given, key)))
      );
    });
  return { passed, expected: wanted.map(shownCommand).join(", then "), got: commands.map(shownDeed) };
}

/** All values of derived points, these and no others, in this order. */
function publishedAre(
  wanted: readonly PublishedWanted[],
  published: readonly Extract<Deed, { kind: "published" }>[],
): Judgement {
  const passed =
    wanted.length === published.length && wanted.every((one, index) => within(one, published[index]?.value));
  return {
    passed,
    expected:
      wanted.length === 0 ? "nothing published" : `${wanted.map(shownValue).join(", then ")} published`,
    got: published.map(shownDeed),
  };
}

function hasOutput(
  { node, port, payload, topic, msg, lacks = [] }: OutputWanted,
  outputs: readonly Extract<Deed, { kind: "output" }>[],
): Judgement {
  const parts = {
    ...(payload === undefined ? {} : { payload }),
    ...(topic === undefined ? {} : { topic }),
    ...msg,
  };
  const ofNode = outputs.filter((one) => isNode(one.node, node));
  return {
    passed: ofNode.some(
      (one) => one.port === port && within(parts, one.msg) && lacks.every((key) => !(key in one.msg)),
    ),
    expected: `output ${port} of "${node}"${Object.keys(parts).length > 0 ? ` with ${shown(parts)}` : ""}${lacks.length > 0 ? ` without ${lacks.join(", ")}` : ""}`,
    got: ofNode.map(shownDeed),
  };
}

function hasAlarm(
  wanted: NonNullable<Expectation["alarm"]>,
  outputs: readonly Extract<Deed, { kind: "output" }>[],
): Judgement {
  const alarms = outputs.filter(({ node, msg }) => node.type === "stadsnod-alarm" && msg.alarm !== undefined);
  return wanted === "none"
    ? {
        passed: alarms.length === 0,
        expected: "no alarm",
        got: alarms.map(({ at, msg }) => `${moment(at)} ${shown(msg.alarm)}`),
      }
    : {
        passed: alarms.some(({ msg }) => within(wanted, msg.alarm)),
        expected: `alarm with ${shown(wanted)}`,
        got: alarms.map(({ at, msg }) => `${moment(at)} ${shown(msg.alarm)}`),
      };
}

export function isNode(node: FlowNode, named: string): boolean {
  return node.id === named || node.name === named;
}

/** Whether all that is wanted is there; what else is there does not matter. */
export function within(wanted: unknown, given: unknown): boolean {
  if (typeof wanted !== "object" || wanted === null) return same(wanted, given);
  // Not by `isDeepStrictEqual`: what a function node makes has the prototypes of another realm.
  if (Array.isArray(wanted)) {
    return (
      Array.isArray(given) &&
      given.length === wanted.length &&
      wanted.every((one, index) => within(one, given[index]))
    );
  }
  if (typeof given !== "object" || given === null) return false;
  return Object.entries(wanted).every(([key, value]) => within(value, Reflect.get(given, key)));
}

/** Numbers may differ in their last digits: flows calculate with them. */
function same(wanted: unknown, given: unknown): boolean {
  if (typeof wanted === "number" && typeof given === "number")
    return Math.abs(wanted - given) <= 1e-9 * Math.max(1, Math.abs(wanted));
  return Object.is(wanted, given);
}

function shownCommand({ device, point, value, action = "write" }: CommandWanted | CommandGiven): string {
  return `${action === "write" ? "command" : action} ${device}/${point}${value === undefined ? "" : ` = ${JSON.stringify(value)}`}`;
}

function shownValue({ point, value, unit }: PublishedWanted | ValuePublished): string {
  return `${point}${value === undefined ? "" : ` = ${JSON.stringify(value)}`}${unit === undefined ? "" : ` ${unit}`}`;
}

function shownDeed(deed: Deed): string {
  if (deed.kind === "command") return `${moment(deed.at)} ${shownCommand(deed.command)}`;
  if (deed.kind === "published") return `${moment(deed.at)} published ${shownValue(deed.value)}`;
  const { node, port, msg } = deed;
  const { _msgid, ...rest } = msg;
  return `${moment(deed.at)} output ${port} of "${node.name || node.id}": ${shown(rest)}`;
}

/** `at 12.5s` */
export function moment(ms: number): string {
  return `at ${Number((ms / 1000).toFixed(3))}s`;
}

const longestShown = 300;

function shown(value: unknown): string {
  let text: string | undefined;
  try {
    text = JSON.stringify(value);
  } catch {
    // In a circle, as messages of HTTP nodes are.
  }
  return (text ?? String(value)).slice(0, longestShown);
}
