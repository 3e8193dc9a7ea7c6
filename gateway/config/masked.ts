import { isDeepStrictEqual } from "node:util";
import { isMap, isScalar, isSeq, Lexer, parseDocument } from "yaml";
import type { Finding } from "../codec/syntax-error.ts";
import { diagnose, type Path, parseYaml, sorted, type YamlDocument } from "../codec/yaml.ts";
import { type Diagnostic, withoutSecrets } from "../model/diagnostic.ts";

// gateway.yaml as it may be shown: stars for what should be secret, in values as in comments; and the way back
// of a text that somebody has edited meanwhile. By where things stand in the document, so that a secret over
// several lines, in quotes or on one line with others is covered like any other.

/** What stands for a secret. In quotes: a bare star would begin an alias. */
export const stars = "********";

/** Not `passage` and `passengers`, which are names of lamps and points. */
const secretWord = /pas+w|passphrase|passcode|(?:^|[_-])pass$|pwd|secret|token|psk|credential/i;
/** A key may also be the name of a file, or a public one. A slash alone makes no path: base64 has them as well. */
const keyWord = /keys?$/i;
const noKey =
  /^(?:\.{1,2}|~|[a-z]:|\/(?:etc|run|var|home|opt|srv|mnt|usr|data|root|tmp))[/\\][\w ./\\@-]*$|\.(?:pem|key|crt|der)$|^-----BEGIN PUBLIC KEY-----/i;
const reference = /^\$\{(?:file|env):[^{}]+\}$/;
const inUrl = /^[a-z][a-z0-9+.-]*:\/\/[^/?#\s:]*:[^/?#\s]*@/i;

interface Place {
  readonly path: Path;
  /** Of the value, in the text. */
  readonly from: number;
  readonly to: number;
  readonly value: unknown;
}

/** The text with stars for its secrets. One that is no YAML is shown with stars for whatever is near a secret word. */
export function maskSecrets(text: string): string {
  const { document } = parseYaml(text, "gateway.yaml");
  if (!document) return maskRoughly(text);
  const values = secretsIn(text).map(({ from, to }) => ({
    from,
    to: endOfValue(text, from, to),
    as: `"${stars}"`,
  }));
  const comments = commentsIn(text)
    .filter(({ from }) => !values.some((value) => from >= value.from && from < value.to))
    .map(({ from, to }) => ({ from, to, as: maskLine(text.slice(from, to)) }));
  return spliced(text, [...values, ...comments]);
}

/**
 * An edited text with the secrets of `original` in the places where the stars were. Stars where there was no
 * secret before are a finding each, and there is no text then: they never become a password.
 */
export function unmaskSecrets(
  edited: string,
  original: string,
  file: string,
): { readonly text?: string; readonly diagnostics: readonly Diagnostic[] } {
  const { document, diagnostics } = parseYaml(edited, file);
  if (!document) return { diagnostics };
  const known = new Map(secretsIn(original).map((place) => [JSON.stringify(place.path), place]));
  const masked = dataOf(maskSecrets(original));
  const found: Diagnostic[] = [];
  const back: { place: Place; secret: Place }[] = [];
  for (const place of scalarsIn(edited)) {
    if (!`${place.value}`.includes(stars)) continue;
    const secret = known.get(JSON.stringify(place.path));
    const exact = place.value === stars;
    if (secret && exact && sameLists(place.path, document.value, masked)) back.push({ place, secret });
    else found.push(diagnose(document, place.path, "value", finding(place.path, secret, exact)));
  }
  for (const path of starredKeys(document)) found.push(diagnose(document, path, "key", starredKey));
  if (found.length > 0) return { diagnostics: sorted(found) };
  const comments = commentsBack(edited, original);
  // As it was written, where that still means the same in the new surroundings.
  for (const written of [
    (one: Place) => original.slice(one.from, one.to),
    (one: Place) => JSON.stringify(one.value),
  ]) {
    const text = spliced(edited, [
      ...back.map(({ place, secret }) => ({
        from: place.from,
        to: endOfValue(edited, place.from, place.to),
        as: withoutLastLineEnd(written(secret)),
      })),
      ...comments,
    ]);
    const now = new Map(scalarsIn(text).map(({ path, value }) => [JSON.stringify(path), value]));
    if (back.every(({ place, secret }) => now.get(JSON.stringify(place.path)) === secret.value))
      return { text, diagnostics: [] };
  }
  return { diagnostics: back.map(({ place }) => diagnose(document, place.path, "value", moved(place.path))) };
}

/** Whether anything in this text is kept from being shown. */
export function hasSecrets(text: string): boolean {
  return maskSecrets(text) !== text;
}

function finding(path: Path, secret: Place | undefined, exact: boolean): Finding {
  if (!secret)
    return {
      code: "hidden-secret-unknown",
      message: `there was no secret at "${path.join(".")}" that these stars could stand for`,
      hint: `stars keep a secret only where it stood; here ${anew}`,
    };
  if (exact) return moved(path);
  return {
    code: "hidden-secret-changed",
    message: `"${path.at(-1)}" has stars and something else`,
    hint: `leave the stars alone to keep the secret, or ${anew}`,
  };
}

const anew = "write it anew, best as a reference to a file or a variable";

function moved(path: Path): Finding {
  return {
    code: "hidden-secret-moved",
    message: `nobody knows which secret the stars at "${path.join(".")}" stand for: what is around them has changed`,
    hint: anew,
  };
}

const starredKey: Finding = {
  code: "hidden-secret-unknown",
  message: "stars cannot be a name",
  hint: "stars stand for a secret that is a value",
};

/** Every scalar of a text that should be secret. */
function secretsIn(text: string): Place[] {
  return scalarsIn(text).filter(({ path, value }) => isSecret(path, value));
}

function isSecret(path: Path, value: unknown): boolean {
  if (value === null || value === "" || typeof value === "boolean") return false;
  const written = String(value);
  if (reference.test(written)) return false;
  // The second step is the name of a device, a connection or the like.
  const names = path.filter((step, depth) => depth !== 1 && typeof step === "string").map(String);
  if (names.some((name) => secretWord.test(name))) return true;
  if (inUrl.test(written)) return true;
  return names.some((name) => keyWord.test(name)) && !noKey.test(written);
}

/** All values that are no mapping and no list, with where they stand; of a text that `parseYaml` takes. */
function scalarsIn(text: string): Place[] {
  const { document } = parseYaml(text, "");
  if (!document) return [];
  const places: Place[] = [];
  const visit = (node: unknown, path: Path): void => {
    if (isMap(node))
      for (const { key, value } of node.items)
        visit(value, [...path, isScalar(key) ? String(key.value) : ""]);
    else if (isSeq(node)) for (const [index, item] of node.items.entries()) visit(item, [...path, index]);
    else if (isScalar(node) && node.range && node.range[1] > node.range[0])
      places.push({ path, from: node.range[0], to: node.range[1], value: node.value });
  };
  visit(parseDocument(text, { version: "1.2", schema: "core", intAsBigInt: true }).contents, []);
  return places;
}

function starredKeys(document: YamlDocument): Path[] {
  const found: Path[] = [];
  const visit = (value: unknown, path: Path): void => {
    if (typeof value !== "object" || value === null) return;
    for (const [key, inner] of Object.entries(value)) {
      if (key.includes(stars)) found.push([...path, key]);
      visit(inner, [...path, key]);
    }
  };
  visit(document.value, []);
  return found;
}

/** Places in a list are numbers, which say nothing when the list is another: then it must be the same. */
function sameLists(path: Path, edited: unknown, masked: unknown): boolean {
  const index = path.findIndex((step) => typeof step === "number");
  if (index < 0) return true;
  const list = path.slice(0, index);
  return isDeepStrictEqual(at(edited, list), at(masked, list));
}

function dataOf(text: string): unknown {
  return parseYaml(text, "").document?.value;
}

function at(value: unknown, path: Path): unknown {
  return path.reduce<unknown>(
    (here, step) => (typeof here === "object" && here !== null ? Reflect.get(here, step) : undefined),
    value,
  );
}

interface Piece {
  readonly from: number;
  readonly to: number;
}

/** Comments, with their `#`. */
function commentsIn(text: string): Piece[] {
  const found: Piece[] = [];
  let place = 0;
  for (const lexeme of new Lexer().lex(text)) {
    // Marks of the lexer's own, which do not stand in the text.
    if (lexeme === "\u0002" || lexeme === "\u0018" || lexeme === "\u001f") continue;
    if (lexeme.startsWith("#")) found.push({ from: place, to: place + lexeme.length });
    place += lexeme.length;
  }
  return found;
}

/** Comments that still say what was shown, with what they said before. */
function commentsBack(edited: string, original: string): (Piece & { as: string })[] {
  const hidden = new Map<string, string[]>();
  for (const { from, to } of commentsIn(original)) {
    const comment = original.slice(from, to);
    const shown = maskLine(comment);
    if (shown !== comment) hidden.set(shown, [...(hidden.get(shown) ?? []), comment]);
  }
  return commentsIn(edited).flatMap(({ from, to }) => {
    const comment = hidden.get(edited.slice(from, to))?.shift();
    return comment === undefined ? [] : [{ from, to, as: comment }];
  });
}

/** Stars of one length: how long a secret is, is nobody's business. */
function maskLine(line: string): string {
  return withoutSecrets(line).replaceAll(/\*{2,}/g, (found, offset: number) =>
    line.startsWith(found, offset) ? found : stars,
  );
}

/** A text that cannot be read as YAML: from a secret word on nothing of the line is shown, nor what is indented below it. */
function maskRoughly(text: string): string {
  let hiddenBelow = -1;
  return text
    .split("\n")
    .map((line) => {
      const indent = line.search(/\S/);
      if (hiddenBelow >= 0 && (indent > hiddenBelow || indent < 0))
        return indent < 0 ? line : `${" ".repeat(indent)}${stars}`;
      hiddenBelow = -1;
      const word = /(?:pass|pwd|secret|token|psk|credential|key)[\w-]*["']?\s*[:=]?|:\/\/[^/\s]*:/i.exec(
        line,
      );
      if (!word) return line;
      hiddenBelow = Math.max(0, indent);
      return `${line.slice(0, word.index + word[0].length)} ${stars}`;
    })
    .join("\n");
}

/** A block of lines ends with a line end, which is the text's. */
function endOfValue(text: string, from: number, to: number): number {
  let end = to;
  if (text[from] === "|" || text[from] === ">")
    while (end > from && /[\r\n]/.test(text[end - 1] ?? "")) end--;
  return end;
}

function withoutLastLineEnd(text: string): string {
  return text.startsWith("|") || text.startsWith(">") ? text.replace(/[\r\n]+$/, "") : text;
}

function spliced(text: string, pieces: readonly (Piece & { as: string })[]): string {
  let made = "";
  let done = 0;
  for (const { from, to, as } of pieces.toSorted((a, b) => a.from - b.from)) {
    made += text.slice(done, from) + as;
    done = to;
  }
  return made + text.slice(done);
}
