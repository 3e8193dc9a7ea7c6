import { stringify } from "yaml";
import type { Protocol } from "../southbound/protocol.ts";

/** What is known of a model before its profile is written. */
export interface NewProfile {
  /** `<maker>/<model>` */
  readonly id: string;
  readonly title: string;
  readonly manufacturer: string;
  readonly models: readonly string[];
  readonly category: string;
  /** The maker's document. */
  readonly source: string;
  readonly url?: string | undefined;
}

/** A commented profile to begin with, which is valid as it stands. */
export function newProfile(about: NewProfile, protocol: Protocol & { readonly skeleton: string }): string {
  const { id, title, manufacturer, models, category, source, url } = about;
  return `# yaml-language-server: $schema=../profile.schema.json
profile: ${id}${gap(id, 24)} # the path of this file, without .yaml
version: 0.1.0                     # incompatible change . addition . correction
title: {en: ${text(title)}, sv: ${text(title)}} # in both languages: a text with a comma needs quotes
manufacturer: ${text(manufacturer)}
models: [${models.map(text).join(", ")}]${gap(models.map(text).join(", "), 23)} # white labels too
category: ${category}
sources:                           # where the facts come from: whoever comes after you checks them there
  - {document: ${text(source)}${url === undefined ? "" : `, url: ${text(url)}`}}
status: draft                      # draft | bench-tested | field-proven, with the evidence in notes
${protocol.skeleton}`;
}

/** A plain scalar where YAML takes it for a text, else a quoted one, fit for a flow collection. */
function text(written: string): string {
  return stringify([written], { collectionStyle: "flow", lineWidth: 0 }).trim().slice(1, -1).trim();
}

/** Blanks that put what follows a text into one column, if the text is short enough. */
function gap(written: string, width: number): string {
  return " ".repeat(Math.max(0, width - written.length));
}
