import * as z from "zod";

// The small words of the profile language, shared by its schemas.

/** Name of a point, a bit, an option. */
export const name = z.string().regex(/^[a-z][a-z0-9_]{0,63}$/, {
  error: "a name is made of a-z, 0-9 and _, and begins with a letter",
});

export const factor = z
  .union([
    z.number(),
    z.string().regex(/^[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d{1,2})?(\/[1-9]\d*)?$/, {
      error: "not a number: write a decimal (0.1) or a fraction (1/3)",
    }),
  ])
  .meta({ description: "An exact decimal such as 0.1, or a fraction such as 1/3" });

export const rawValue = z.union([z.number(), z.bigint(), z.boolean(), z.string()]);

/** `<maker>/<model>`. */
export const profileId = z.string().regex(/^[a-z0-9][a-z0-9-]*\/[a-z0-9][a-z0-9-]*$/, {
  error: "an id is <maker>/<model> in a-z, 0-9 and -, and equals the path of the file without .yaml",
});

/** Text of an expression; what it means is checked with the points that it may name. */
export const expressionText = z
  .string()
  .min(1)
  .max(500)
  .meta({ description: 'An expression over points of this device, such as "!lockout && wind < 20"' });
