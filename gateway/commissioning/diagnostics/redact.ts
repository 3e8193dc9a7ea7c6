import { isNameKey, isPersonKey, isPlainKey, isSecretKey, isValueKey } from "./keys.ts";
import type { Scrubber } from "./scrub.ts";

const star = "***";
const deepest = 40;
const reference = /^\$\{(?:file|env):[^{}]+\}$/;
/** A number with a unit, or a moment: `5s`, `64MB`, `06:30`, `2026-01-01`. */
const measure =
  /^-?\d+(\.\d+)?\s?(ms|s|m|min|h|d|B|kB|MB|GB|KiB|MiB|GiB|%)?$|^\d{2}:\d{2}$|^\d{4}-\d{2}-\d{2}$/;
const pemPath = /^[\w./ -]{1,200}\.(pem|crt|cer|key|der)$/;

/** What gateway.yaml gives away about what must not be found anywhere else. */
export interface Harvest {
  readonly secrets: string[];
  /** Of people; and what people wrote. */
  readonly names: string[];
  readonly texts: string[];
  readonly users: string[];
  readonly hosts: string[];
}

/**
 * gateway.yaml as it may be shown: plain data, in which secrets and people are replaced. Only texts at known keys
 * stay. What was taken out is put into `harvest`, so that logs can be searched for it.
 */
export function redactConfiguration(value: unknown, harvest: Harvest, withValues: boolean): unknown {
  const ids = idsIn(value);
  const walk = (path: readonly string[], one: unknown, hidden: boolean): unknown => {
    const key = path.findLast((part) => !/^\d+$/.test(part)) ?? "";
    if (path.length > deepest) return star;
    if (Array.isArray(one)) return one.map((item, index) => walk([...path, String(index)], item, hidden));
    if (typeof one === "object" && one !== null) {
      return Object.fromEntries(
        Object.entries(one).map(([name, item]) => {
          const inside = [...path, name];
          const person = path.length === 2 && path[0] === "commands" && path[1] === "issuers";
          if (person) harvest.users.push(name);
          return [name, walk(inside, item, hidden || isSecretSection(inside))];
        }),
      );
    }
    if (typeof one === "number" || typeof one === "bigint") {
      if (hidden) harvest.secrets.push(String(one));
      if (hidden) return star;
      if (/^(lat|lon)$/.test(key) && !withValues) return Math.round(Number(one) * 100) / 100;
      return typeof one === "bigint" ? String(one) : one;
    }
    if (typeof one !== "string") return hidden ? star : one;
    return text(path, key, one, hidden);
  };
  const text = (path: readonly string[], key: string, one: string, hidden: boolean): string => {
    if (reference.test(one)) return one;
    const isPath = /^(key|cert|ca)$/.test(key) && pemPath.test(one);
    if (hidden && !isPath) {
      harvest.secrets.push(one);
      return star;
    }
    if (key === "username") {
      // Often the gateway's own id, which is no person and stands in every topic.
      if (!ids.has(one)) harvest.users.push(one);
      return one;
    }
    if (isPersonKey(key)) {
      if (ids.has(one)) return one;
      (isNameKey(key) ? harvest.names : harvest.texts).push(one);
      return withValues ? one : `(text of ${[...one].length} characters)`;
    }
    if (key === "host" || key === "url") harvest.hosts.push(hostOf(one));
    if (key === "url") return withoutUser(one, harvest);
    if (isPlainKey(key) || isPath || measure.test(one) || isNamed(path)) return one;
    // Nobody knows what it is: it may be a secret whose key was misspelt.
    if (one.length >= 8 || /\d/.test(one)) harvest.secrets.push(one);
    return star;
  };
  return walk([], value, false);
}

const sections = ["audiences", "connections", "derivedPoints", "devices", "northbound", "schedules"];

/** What the gateway, its lines, devices and audiences are called: nothing is found without these. */
function idsIn(value: unknown): ReadonlySet<string> {
  const part = (of: unknown, key: string): unknown =>
    typeof of === "object" && of !== null && Object.hasOwn(of, key) ? Reflect.get(of, key) : undefined;
  const named = sections.flatMap((section) => Object.keys(part(value, section) ?? {}));
  const id = part(part(value, "gateway"), "id");
  return new Set([...named, ...(typeof id === "string" ? [id] : [])]);
}

/** Everything below a key that sounds like a secret is one, but for the names of files. */
function isSecretSection(path: readonly string[]): boolean {
  const key = path.at(-1) ?? "";
  // Names that people gave to lines and devices: `connections: {token-room: ...}`.
  if (path.length === 2 && sections.includes(path[0] ?? "")) return false;
  return isSecretKey(key);
}

/** Values of maps from point to audience, of point to option, and the like: names that are made of a-z. */
function isNamed(path: readonly string[]): boolean {
  const parent = path.at(-2) ?? "";
  return /^(audiences|options|issuers|points|devices)$/.test(parent);
}

function hostOf(text: string): string {
  return (URL.parse(text)?.hostname ?? text).replace(/^\[(.*)\]$/, "$1");
}

function withoutUser(url: string, harvest: Harvest): string {
  const parsed = URL.parse(url);
  if (parsed?.password) harvest.secrets.push(decodeURIComponent(parsed.password));
  if (parsed?.username) harvest.users.push(decodeURIComponent(parsed.username));
  return url.replace(/^([a-z][a-z0-9+.-]*:\/\/).*@/i, `$1${star}@`).replace(/[?#].*$/, "?***");
}

/**
 * An answer of the local API, or a line of the log, as it may be shown: no secrets, no people, and unless asked for
 * no values.
 */
export function redactJson(value: unknown, scrubber: Scrubber, withValues: boolean, depth = 0): unknown {
  if (depth > deepest) return star;
  if (typeof value === "string") return scrubber.text(value);
  if (Array.isArray(value)) return value.map((item) => redactJson(item, scrubber, withValues, depth + 1));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => {
      const name = scrubber.text(key);
      if (isSecretKey(key)) return [name, star];
      if (!withValues && isValueKey(key)) return [name, "(left out)"];
      // Radio is heard from next door as well: whose devices these are is nobody's business.
      if (!withValues && key === "unknown" && Array.isArray(item))
        return [name, `(${item.length} that are not of this gateway)`];
      if (
        !withValues &&
        typeof item === "string" &&
        /^(title|owner|purpose|note|reason|technician)$/.test(key)
      )
        return [name, `(text of ${[...item].length} characters)`];
      if (
        typeof item === "string" &&
        /^(who|by|user|username)$/.test(key) &&
        /^[a-z0-9._-]{1,63}$/.test(item)
      )
        return [name, scrubber.user(item)];
      return [name, redactJson(item, scrubber, withValues, depth + 1)];
    }),
  );
}

/** A line of a log: JSON where it is, else text. */
export function redactLine(line: string, scrubber: Scrubber, withValues: boolean): string {
  if (line.trimStart().startsWith("{")) {
    try {
      return JSON.stringify(redactJson(JSON.parse(line), scrubber, withValues));
    } catch {
      // No JSON after all: a line that was cut.
    }
  }
  return scrubber.text(line);
}
