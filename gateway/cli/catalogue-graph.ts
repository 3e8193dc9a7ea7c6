import type { CatalogueConfig, GatewayConfig } from "../config/config.ts";
import { tellingDevices } from "../config/config.ts";
import {
  audienceOf,
  type Device,
  type Point,
  type Position,
  pollPeriod,
  sentPoints,
} from "../model/device.ts";
import { ConfigError } from "../model/errors.ts";
import { isPersonal, openAudience } from "../model/privacy.ts";
import { unitOf } from "../model/units.ts";
import { brokersOf } from "./brokers.ts";
import { categoryWords, quantityWords } from "./catalogue-words.ts";
import { inLanguages, iri, literal, type Resource, type Term } from "./rdf.ts";

/** One kind of open data: what the devices of a category tell of one quantity, over all gateways. */
interface Dataset {
  readonly category: string;
  readonly quantity: string;
  readonly sources: Source[];
}

interface Source {
  readonly config: GatewayConfig;
  readonly device: Device;
  readonly point: Point;
}

const authority = "http://publications.europa.eu/resource/authority";
const mediaType = "application/senml+cbor";

/**
 * A catalogue of the open data of some gateways, as DCAT-AP-SE 3.0.1 asks for it. What it says about the
 * publisher comes from the first one. Only points that the open audience gets, and that are not personal.
 * Throws ConfigError when what must be said is not in gateway.yaml.
 */
export function catalogueOf(configs: readonly GatewayConfig[]): readonly Resource[] {
  const [first] = configs;
  if (!first) return [];
  const { catalogue } = first;
  const { publisher, contact } = catalogue;
  if (!publisher || !contact) {
    throw new ConfigError(
      `gateway.yaml does not say the catalogue's ${publisher ? "contact" : "publisher"}`,
      {
        code: "catalogue-incomplete",
        hint: "catalogue: {publisher: {name: ...}, contact: {name: ..., email: ...}}; the portal refuses data without them",
      },
    );
  }
  const base = (catalogue.base ?? `urn:stadsnod:${first.gateway.id}`).replace(/\/$/, "");
  const at = (...parts: string[]): string => [base, ...parts].join(base.startsWith("urn:") ? ":" : "/");
  const datasets = [...datasetsOf(configs).values()];
  const agent = publisher.iri ?? at("publisher");
  const common = { agent, contact: at("contact"), catalogue, at };
  const licence = iri(catalogue.licence);
  const title = catalogue.title ??
    first.gateway.title ?? {
      en: `Open sensor data of ${publisher.name}`,
      sv: `Öppna sensordata från ${publisher.name}`,
    };
  const description = catalogue.description ?? {
    en: `Readings that ${publisher.name} lets everybody read, as they come from sensors in the city.`,
    sv: `Mätvärden som ${publisher.name} låter alla läsa, som de kommer från sensorer i staden.`,
  };
  return [
    {
      id: at("catalogue"),
      type: "dcat:Catalog",
      properties: [
        ["dcterms:title", ...inLanguages(title)],
        ["dcterms:description", ...inLanguages(description)],
        ["dcterms:publisher", iri(agent)],
        ["dcterms:license", licence],
        ["dcterms:language", ...languages(catalogue)],
        ["dcat:themeTaxonomy", iri(`${authority}/data-theme`)],
        ...spatial(catalogue, []),
        ["dcat:dataset", ...datasets.map((one) => iri(at("dataset", nameOf(one))))],
      ],
    },
    {
      id: agent,
      type: "foaf:Agent",
      properties: [
        ["foaf:name", literal(publisher.name)],
        ["dcterms:type", iri(`http://purl.org/adms/publishertype/${publisher.type}`)],
      ],
    },
    {
      id: at("contact"),
      type: "vcard:Organization",
      properties: [
        ["vcard:fn", literal(contact.name)],
        ["vcard:hasEmail", iri(`mailto:${contact.email}`)],
      ],
    },
    ...datasets.flatMap((dataset) => describeDataset(dataset, common)),
  ];
}

function datasetsOf(configs: readonly GatewayConfig[]): Map<string, Dataset> {
  const found = new Map<string, Dataset>();
  for (const config of configs) {
    for (const device of tellingDevices(config)) {
      for (const point of sentPoints(device)) {
        if (audienceOf(device, point) !== openAudience || isPersonal(point)) continue;
        const { category } = device.profile;
        const quantity = quantityOf(point);
        const key = `${category}-${quantity}`;
        const dataset = found.get(key) ?? { category, quantity, sources: [] };
        found.set(key, dataset);
        dataset.sources.push({ config, device, point });
      }
    }
  }
  return found;
}

/** What a point is about: the quantity of its unit, or a state. */
export function quantityOf({ unit, kind }: Point): string {
  if (unit !== undefined) return unitOf(unit)?.quantity ?? "ratio";
  return kind === "counter" || kind === "event" ? "count" : kind === "gauge" ? "ratio" : "state";
}

interface Common {
  readonly agent: string;
  readonly contact: string;
  readonly catalogue: CatalogueConfig;
  readonly at: (...parts: string[]) => string;
}

function nameOf({ category, quantity }: Dataset): string {
  return `${category}-${quantity}`;
}

function describeDataset(dataset: Dataset, { agent, contact, catalogue, at }: Common): Resource[] {
  const { category, quantity, sources } = dataset;
  const [en, sv, theme] = categoryWords[category] ?? [category, category, "TECH"];
  const quantityEn = quantity.replaceAll("-", " ");
  const quantitySv = quantityWords[quantity] ?? quantityEn;
  const name = nameOf(dataset);
  const points = [...new Set(sources.map(({ point }) => point.title?.en ?? point.name))];
  const pointsSv = [...new Set(sources.map(({ point }) => point.title?.sv ?? point.title?.en ?? point.name))];
  const sensors = new Set(sources.map(({ device }) => device.id)).size;
  const distributions = distributionsOf(dataset, catalogue, at);
  return [
    {
      id: at("dataset", name),
      type: "dcat:Dataset",
      properties: [
        ["dcterms:title", ...inLanguages({ en: `${en}: ${quantityEn}`, sv: `${sv}: ${quantitySv}` })],
        [
          "dcterms:description",
          ...inLanguages({
            en: `Readings of ${sensors} ${sensors === 1 ? "device" : "devices"}: ${list(points)}.`,
            sv: `Mätvärden från ${sensors} ${sensors === 1 ? "enhet" : "enheter"}: ${list(pointsSv)}.`,
          }),
        ],
        ["dcterms:identifier", literal(name)],
        ["dcterms:publisher", iri(agent)],
        ["dcat:contactPoint", iri(contact)],
        ["dcat:theme", iri(`${authority}/data-theme/${theme}`)],
        [
          "dcat:keyword",
          ...inLanguages({ en: quantityEn, sv: quantitySv }),
          ...inLanguages({ en: "sensor data", sv: "sensordata" }),
        ],
        ["dcterms:accessRights", iri(`${authority}/access-right/PUBLIC`)],
        ["dcterms:accrualPeriodicity", iri(`${authority}/frequency/UPDATE_CONT`)],
        ["dcterms:language", ...languages(catalogue)],
        ...resolution(sources),
        ...spatial(catalogue, sources),
        ["dcat:distribution", ...distributions.map(({ id }) => iri(id ?? ""))],
      ],
    },
    ...distributions,
  ];
}

/** One per gateway and broker: the topic that the readings come on. */
function distributionsOf(dataset: Dataset, catalogue: CatalogueConfig, at: Common["at"]): Resource[] {
  const configs = [...new Set(dataset.sources.map(({ config }) => config))];
  return configs.flatMap((config) =>
    brokersOf(config).map(({ name, url, topics }): Resource => {
      const topic = `${topics}/telemetry/${openAudience}/#`;
      // In an address a # begins the fragment, so the wildcard stands in the description only.
      const address = `${url.replace(/\/$/, "")}/${topics}/telemetry/${openAudience}`;
      return {
        id: at("distribution", nameOf(dataset), config.gateway.id, name),
        type: "dcat:Distribution",
        properties: [
          ["dcterms:title", ...inLanguages({ en: `MQTT topic ${topic}`, sv: `MQTT-ämne ${topic}` })],
          [
            "dcterms:description",
            ...inLanguages({
              en: `SenML packs in CBOR (RFC 8428) by MQTT; subscribe to ${topic}.`,
              sv: `SenML-paket i CBOR (RFC 8428) över MQTT; prenumerera på ${topic}.`,
            }),
          ],
          ["dcat:accessURL", iri(address)],
          ["dcterms:license", iri(catalogue.licence)],
          ["dcterms:format", literal(mediaType)],
          ["dcat:mediaType", iri(`https://www.iana.org/assignments/media-types/${mediaType}`)],
          ["dcterms:conformsTo", iri("https://www.rfc-editor.org/rfc/rfc8428")],
        ],
      };
    }),
  );
}

function languages({ languages: codes }: CatalogueConfig): Term[] {
  return codes.map((code) => iri(`${authority}/language/${code.toUpperCase()}`));
}

/** The shortest time between two readings of one series. */
function resolution(sources: readonly Source[]): Resource["properties"] {
  const shortest = Math.min(...sources.map(({ device, point }) => pollPeriod(device, point)));
  if (!Number.isFinite(shortest)) return [];
  return [["dcat:temporalResolution", literal(`PT${shortest / 1000}S`, "xsd:duration")]];
}

/**
 * The place that gateway.yaml names, and the box around the devices; where a device with personal data
 * stands is not told. Without a position of its own a device counts as standing at its gateway.
 */
function spatial({ spatial: place }: CatalogueConfig, sources: readonly Source[]): Resource["properties"] {
  const positions = sources.flatMap(({ config, device }): Position[] => {
    if (sentPoints({ ...device, dropped: [] }).some((point) => point.personal || point.view?.personal))
      return [];
    const position = device.position ?? config.gateway.position;
    return position ? [position] : [];
  });
  const terms: Term[] = place === undefined ? [] : [iri(place)];
  if (positions.length > 0) terms.push({ node: boxAround(positions) });
  return terms.length === 0 ? [] : [["dcterms:spatial", ...terms]];
}

function boxAround(positions: readonly Position[]): Resource {
  const lats = positions.map(({ lat }) => lat);
  const lons = positions.map(({ lon }) => lon);
  const [west, east] = [Math.min(...lons), Math.max(...lons)];
  const [south, north] = [Math.min(...lats), Math.max(...lats)];
  const corners = [
    [west, south],
    [east, south],
    [east, north],
    [west, north],
    [west, south],
  ];
  const polygon = `POLYGON((${corners.map((corner) => corner.join(" ")).join(", ")}))`;
  return {
    type: "dcterms:Location",
    properties: [["dcat:bbox", literal(polygon, "geosparql:wktLiteral")]],
  };
}

function list(names: readonly string[]): string {
  const shown = names.slice(0, 12).join(", ");
  return names.length > 12 ? `${shown} ...` : shown;
}
