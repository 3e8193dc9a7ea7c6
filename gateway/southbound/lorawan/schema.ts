import * as z from "zod";
import { duration } from "../../codec/settings.ts";
import { brokerFields, brokerRules } from "../../transport/mqtt/settings.ts";
import { parsePath } from "./path.ts";
import {
  type AttachedFile,
  type Decoding,
  fieldTypes,
  type HistoryList,
  type LoraAddress,
  type LoraConnection,
  type LoraDevice,
  type LoraHead,
  linkWords,
  networkServers,
} from "./settings.ts";

// What people may write. Inputs stay plain, so that JSON Schema can show them (`io: "input"`).

const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
/** Ids of The Things Stack. */
const ttsId = /^[a-z0-9](?:[-]?[a-z0-9]){2,35}$/;

/** What gateway.yaml may say about a network server. */
export const connectionSchema = z
  .strictObject({
    server: z.enum(networkServers),
    mqtt: z.strictObject(brokerFields).superRefine(brokerRules),
    application: z.string().min(1).max(64).optional().meta({
      description:
        "ChirpStack: the application's id, all without one. The Things Stack: the application's id",
    }),
    tenant: z.string().regex(ttsId, { error: "not the id of a tenant" }).optional(),
    format: z.enum(["json", "protobuf"]).default("json").meta({
      description: "How ChirpStack is set up to marshal its events",
    }),
  })
  .superRefine((written, context) => {
    const refuse = (path: string, message: string): void =>
      context.addIssue({ code: "custom", path: [path], message });
    const { server, application, tenant, format, mqtt } = written;
    if (server === "chirpstack") {
      if (application !== undefined && !uuid.test(application))
        refuse("application", "an application of ChirpStack is a UUID, as its page shows it");
      if (tenant !== undefined) refuse("tenant", "ChirpStack's topics have no tenant");
      return;
    }
    if (application === undefined || !ttsId.test(application))
      refuse("application", "The Things Stack needs the application's id, as in my-app");
    if (format !== "json") refuse("format", "The Things Stack speaks JSON");
    if (mqtt.protocol === "5") refuse("mqtt", "The Things Stack speaks MQTT 3.1.1 only");
  })
  .transform(
    ({ server, mqtt, application, tenant, format }): LoraConnection => ({
      server,
      broker: server === "the-things-stack" ? { ...mqtt, protocol: "3.1.1" } : mqtt,
      application: application ?? "+",
      tenant,
      format,
    }),
  );

/** What gateway.yaml may say about a device. */
export const deviceSchema = z
  .strictObject({
    devEui: z
      .string({ error: "write the DevEUI in quotes: 16 hex digits" })
      .regex(/^([0-9a-fA-F]{2}[-: ]?){7}[0-9a-fA-F]{2}$/, { error: "a DevEUI has 16 hex digits" })
      .meta({ description: "As on the label or in the network server" }),
    deviceId: z
      .string()
      .regex(ttsId, { error: "not a device id of The Things Stack" })
      .optional()
      .meta({ description: "The Things Stack: the end device's id" }),
  })
  .transform(
    ({ devEui, deviceId }): LoraDevice => ({ devEui: devEui.replace(/[-: ]/g, "").toLowerCase(), deviceId }),
  );

const fileName = (endings: string) => new RegExp(`^\\./[a-z0-9][a-z0-9._-]{0,99}\\.(${endings})$`);

/** The name of a file in the profile's own folder; its text when the loader has read it. */
function attached(endings: string, description: string) {
  const name = fileName(endings);
  return z
    .custom<string | AttachedFile>(
      (value) => (typeof value === "string" ? name.test(value) : isAttached(value)),
      { error: `a file beside the profile: ./name.${endings.split("|")[0]}` },
    )
    .meta({ type: "string", pattern: name.source, description });
}

function isAttached(value: unknown): value is AttachedFile {
  return typeof value === "object" && value !== null && "file" in value && "text" in value;
}

const path = z
  .string()
  .max(200)
  .refine((text) => parsePath(text) !== undefined, {
    error: "a place in what was decoded: temperature, channels[1].temp or log[].temp",
  });

const history = z
  .strictObject({
    list: path.meta({ description: "Where the list stands in what was decoded" }),
    time: z.string().min(1).optional().meta({ description: "The member that says when" }),
    format: z.enum(["epoch", "epoch-ms", "iso8601"]).optional(),
    age: z.string().min(1).optional().meta({ description: "The member that says how many seconds ago" }),
    every: duration.optional().meta({ description: "From one record to the next; the newest is now" }),
    newest: z.enum(["first", "last"]).optional(),
  })
  .refine(({ time, age, every }) => [time, age, every].filter((one) => one !== undefined).length === 1, {
    error: "a history says one of time, age, every",
  })
  .transform(
    ({ list, time, format = "epoch", age, every, newest = "first" }): HistoryList => ({
      list,
      when:
        time !== undefined
          ? { by: "time", field: time, format }
          : age !== undefined
            ? { by: "age", field: age }
            : { by: "every", ms: every ?? 0, newest },
    }),
  );

const minuteMs = 60_000;
const longestSilenceMs = 20 * 86_400_000;
/** A device that speaks once a day may be two hours late. */
const standardSilenceMs = 26 * 3_600_000;

/** What a profile may say under `lorawan:`. */
export const headSchema = z
  .strictObject({
    payload: z
      .record(z.string(), z.unknown())
      .optional()
      .meta({ description: "Payload layout: {fields: [...]} or {ports: {...}}" }),
    payloadFile: attached(
      "yaml|yml|json",
      "A Payload Schema file beside the profile: ./x.schema.yaml",
    ).optional(),
    codec: attached("js", "A codec script (TS013) beside the profile: ./vendor.js").optional(),
    decoder: z.literal("server").optional().meta({
      description: "Take what the network server decoded, where nothing else decodes",
    }),
    class: z.enum(["A", "B", "C"]).default("A"),
    history: z
      .union([history, z.array(history).max(16)])
      .optional()
      .meta({
        description: "Lists of records with times of their own; a layout's `time:` fields need no word here",
      }),
    missing: z
      .strictObject({
        uplinkWithin: duration.refine((ms) => ms >= minuteMs && ms <= longestSilenceMs, {
          error: "between 1m and 20d",
        }),
      })
      .optional()
      .meta({ description: "Silence after which the device counts as missing; 26h unless said" }),
    knownAs: z
      .strictObject({
        deviceProfiles: z.array(z.string().min(1)).max(64).default([]).meta({
          description: "Names or ids of ChirpStack device profiles",
        }),
        versionIds: z
          .array(z.strictObject({ brand: z.string().min(1), model: z.string().min(1).optional() }))
          .max(64)
          .default([])
          .meta({ description: "Brand and model ids in The Things Stack" }),
      })
      .optional()
      .meta({ description: "How network servers name this model" }),
  })
  .superRefine(({ payload, payloadFile, codec }, context) => {
    if ([payload, payloadFile, codec].filter((one) => one !== undefined).length > 1)
      context.addIssue({ code: "custom", message: "one of payload, payloadFile and codec decodes" });
  })
  .transform(
    (written): LoraHead => ({
      decoding: decodingOf(written),
      serverDecodes: written.decoder === "server",
      deviceClass: written.class,
      history: written.history === undefined ? [] : [written.history].flat(),
      uplinkWithinMs: written.missing?.uplinkWithin ?? standardSilenceMs,
      knownAs: written.knownAs ?? { deviceProfiles: [], versionIds: [] },
    }),
  );

function decodingOf(written: {
  readonly payload?: unknown;
  readonly payloadFile?: string | AttachedFile | undefined;
  readonly codec?: string | AttachedFile | undefined;
}): Decoding {
  if (written.payload !== undefined) return { kind: "layout", schema: written.payload };
  for (const key of ["payloadFile", "codec"] as const) {
    const file = written[key];
    if (file === undefined) continue;
    if (typeof file === "string") return { kind: "unread", key, file };
    return { kind: key === "codec" ? "script" : "layout-file", file };
  }
  return { kind: "none" };
}

const constant = z.union([z.number(), z.string(), z.boolean()]);

/** What a profile may say under a point's `at:`. */
export const addressSchema = z
  .union([
    z.strictObject({
      field: path.meta({ description: "temperature, channels[1].temp; log[].temp for records with times" }),
      type: z.enum(fieldTypes).optional().meta({
        description: "What a codec script or the server gives there; number unless said. A layout knows",
      }),
    }),
    z.strictObject({ link: z.enum(linkWords) }),
    z.strictObject({
      set: z.string().min(1).meta({ description: "Field of the layout that a downlink sets" }),
      port: z.int().min(1).max(223),
      command: z.string().min(1).optional().meta({ description: "Of the layout's downlink_commands" }),
      with: z.record(z.string(), constant).default({}),
      confirmed: z.boolean().default(false),
    }),
  ])
  .transform((written): LoraAddress => {
    if ("link" in written) return written;
    if ("field" in written) return { field: written.field, type: written.type };
    return { ...written, command: written.command };
  });

const hexText = z
  .string({ error: 'bytes are hex text in quotes: "03 67 01 10"' })
  .max(600)
  .regex(/^(\s*[0-9a-fA-F]{2})*\s*$/, { error: "hex digits, two per byte" });

/** What a profile may say under an example's `given:`. */
export const givenSchema = z.strictObject({
  payload: hexText.optional(),
  fPort: z.int().min(0).max(255).default(1),
  fCnt: z.int().min(0).max(4_294_967_295).default(0),
  time: z.iso.datetime({ offset: true }).optional().meta({ description: "When the server received it" }),
  object: z.record(z.string(), z.unknown()).optional().meta({ description: "What the server decoded" }),
  link: z
    .strictObject({
      rssi: z.number().optional(),
      snr: z.number().optional(),
      gateway: z.string().optional(),
      gateways: z.int().min(0).optional(),
      dr: z.int().min(0).max(15).optional(),
    })
    .optional(),
  status: z
    .strictObject({
      margin: z.int().optional(),
      battery: z.number().optional(),
      externalPower: z.boolean().optional(),
    })
    .optional()
    .meta({ description: "A device status answer of the network" }),
});
export type LoraGiven = z.infer<typeof givenSchema>;
