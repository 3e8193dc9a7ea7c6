// A small part of RDF: enough to write metadata as Turtle and JSON-LD from one tree.

export type Term =
  | { readonly iri: string }
  | { readonly text: string; readonly language?: string; readonly datatype?: string }
  /** A node without a name of its own. */
  | { readonly node: Resource };

export interface Resource {
  /** Undefined for a node inside another. */
  readonly id?: string | undefined;
  /** Prefixed names, as predicates are. */
  readonly type?: string | undefined;
  readonly properties: readonly (readonly [predicate: string, ...objects: Term[]])[];
}

export const prefixes: Readonly<Record<string, string>> = {
  dcat: "http://www.w3.org/ns/dcat#",
  dcterms: "http://purl.org/dc/terms/",
  foaf: "http://xmlns.com/foaf/0.1/",
  vcard: "http://www.w3.org/2006/vcard/ns#",
  xsd: "http://www.w3.org/2001/XMLSchema#",
  geosparql: "http://www.opengis.net/ont/geosparql#",
};

export const iri = (value: string): Term => ({ iri: value });
export const literal = (text: string, datatype?: string): Term =>
  datatype === undefined ? { text } : { text, datatype };

/** One literal per language. */
export function inLanguages({ en, sv }: { en: string; sv?: string | undefined }): Term[] {
  return [...(sv === undefined ? [] : [{ text: sv, language: "sv" }]), { text: en, language: "en" }];
}

/** Turtle (W3C RDF 1.1). */
export function toTurtle(resources: readonly Resource[]): string {
  const head = Object.entries(prefixes).map(([prefix, name]) => `@prefix ${prefix}: <${name}> .`);
  return `${[...head, ...resources.map((one) => `\n${subject(one)}`)].join("\n")}\n`;
}

function subject({ id, ...rest }: Resource): string {
  return `${id === undefined ? "[]" : turtleIri(id)} ${body(rest, "  ")} .`;
}

function body({ type, properties }: Omit<Resource, "id">, indent: string): string {
  const lines = properties
    .filter(([, ...objects]) => objects.length > 0)
    .map(
      ([predicate, ...objects]) => `${predicate} ${objects.map((one) => turtleTerm(one, indent)).join(", ")}`,
    );
  return [...(type === undefined ? [] : [`a ${type}`]), ...lines].join(` ;\n${indent}`);
}

function turtleTerm(term: Term, indent: string): string {
  if ("iri" in term) return turtleIri(term.iri);
  if ("node" in term) return `[\n${indent}  ${body(term.node, `${indent}  `)}\n${indent}]`;
  const text = `"${term.text.replace(/[\\"\n\r\t]/g, (sign) => escapes[sign] ?? sign)}"`;
  if (term.language !== undefined) return `${text}@${term.language}`;
  return term.datatype === undefined ? text : `${text}^^${term.datatype}`;
}

const escapes: Readonly<Record<string, string>> = {
  "\\": "\\\\",
  '"': '\\"',
  "\n": "\\n",
  "\r": "\\r",
  "\t": "\\t",
};

/** What an IRI may not hold is percent-encoded. */
function turtleIri(value: string): string {
  return `<${value.replace(/[\p{Cc}\s<>"{}|\\^`]/gu, (sign) => encodeURIComponent(sign))}>`;
}

/** JSON-LD 1.1, with the same prefixes. */
export function toJsonLd(resources: readonly Resource[]): string {
  return `${JSON.stringify({ "@context": prefixes, "@graph": resources.map(jsonNode) }, null, 2)}\n`;
}

function jsonNode({ id, type, properties }: Resource): object {
  const entries = properties
    .filter(([, ...objects]) => objects.length > 0)
    .map(([predicate, ...objects]) => {
      const values = objects.map(jsonTerm);
      return [predicate, values.length === 1 ? values[0] : values] as const;
    });
  return {
    ...(id === undefined ? {} : { "@id": id }),
    ...(type === undefined ? {} : { "@type": type }),
    ...Object.fromEntries(entries),
  };
}

function jsonTerm(term: Term): object {
  if ("iri" in term) return { "@id": term.iri };
  if ("node" in term) return jsonNode(term.node);
  if (term.language !== undefined) return { "@value": term.text, "@language": term.language };
  return term.datatype === undefined
    ? { "@value": term.text }
    : { "@value": term.text, "@type": term.datatype };
}
