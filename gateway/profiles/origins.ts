import type { Path, YamlDocument } from "../codec/yaml.ts";

/** Where each part of the expanded profile was written: the longest known path counts. */
export class Origins {
  readonly #own: YamlDocument;
  readonly #known = new Map<string, { document: YamlDocument; path: Path }>();

  constructor(own: YamlDocument) {
    this.#own = own;
  }

  set(path: Path, document: YamlDocument, written: Path): void {
    this.#known.set(JSON.stringify(path.map(String)), { document, path: written });
  }

  of(path: Path): { document: YamlDocument; path: Path } {
    for (let length = path.length; length > 0; length--) {
      const found = this.#known.get(JSON.stringify(path.slice(0, length).map(String)));
      if (found) return { document: found.document, path: [...found.path, ...path.slice(length)] };
    }
    return { document: this.#own, path };
  }
}

/** The document with another value, whose parts still know where they stand. */
export function relocated(
  document: YamlDocument,
  value: Readonly<Record<string, unknown>>,
  origins: Origins,
): YamlDocument {
  return {
    file: document.file,
    text: document.text,
    value,
    span: (path, part) => {
      const origin = origins.of(path);
      return { ...origin.document.span(origin.path, part), file: origin.document.file };
    },
    source: (path) => {
      const origin = origins.of(path);
      // What was counted up or put in for {n} is not what stands there.
      return lookup(value, path) === lookup(origin.document.value, origin.path)
        ? origin.document.source(origin.path)
        : undefined;
    },
    keys: (path) => {
      const found = lookup(value, path);
      return typeof found === "object" && found !== null ? Object.keys(found) : [];
    },
  };
}

function lookup(value: unknown, path: Path): unknown {
  return path.reduce<unknown>(
    (level, step) =>
      typeof level === "object" && level !== null && Object.hasOwn(level, step)
        ? Reflect.get(level, step)
        : undefined,
    value,
  );
}
