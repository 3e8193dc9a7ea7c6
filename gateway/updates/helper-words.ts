import * as z from "zod";

// What the gateway and the one program that may call RAUC say to each other over a Unix socket: one request per
// connection, a line of JSON; then lines of progress, and one line with the answer. Nothing else is understood.

/** Where the program listens on a packaged gateway. */
export const updaterSocket = "/run/stadsnod/updater.sock";
/** Where bundles must lie. */
export const bundleFolder = "/var/lib/stadsnod/updates";

export const longestRequest = 512;
export const longestAnswer = 65_536;

/** A plain name: no folders, nothing hidden. */
const file = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._+-]{0,199}$/);

export const requestSchema = z.discriminatedUnion("do", [
  z.strictObject({ do: z.literal("status") }),
  z.strictObject({ do: z.literal("inspect"), file }),
  z.strictObject({ do: z.literal("install"), file }),
  z.strictObject({ do: z.literal("mark-good") }),
  z.strictObject({ do: z.literal("mark-bad") }),
  z.strictObject({ do: z.literal("reboot") }),
]);
export type HelperRequest = z.output<typeof requestSchema>;

const text = (most: number) => z.string().max(most);
export const statusAnswer = z.object({
  compatible: text(256),
  booted: text(64),
  next: text(64).optional(),
  slots: z
    .array(
      z.object({
        name: text(64),
        booted: z.boolean(),
        state: z.enum(["good", "bad", "unknown"]),
        version: text(256).optional(),
        installedAt: text(64).optional(),
      }),
    )
    .max(16),
});
export const factsAnswer = z.object({
  compatible: text(256),
  version: text(256),
  sha256: text(64),
  bytes: z.int().min(0),
  signer: text(300),
});

export const lineSchema = z.union([
  z.object({ progress: z.number().min(0).max(100) }),
  z.object({ ok: z.unknown() }),
  z.object({
    error: z.object({
      /** What the caller does next: as the classes of model/errors.ts. */
      kind: z.enum(["refused", "transient"]),
      code: text(64),
      message: text(2000),
      hint: text(1000).optional(),
    }),
  }),
]);
