import * as z from "zod";
import { ConfigError } from "../../model/errors.ts";
import { isType, placeOf, type SunspecPlace, sunspecTypes, typeRow } from "./sunspec-table.ts";

const registerOffset = z.int().min(2).max(65_535);

/** What a point may say under `at: {sunspec: ...}`: a point of a known model by name, or a place in any model. */
export const sunspecFields = z
  .strictObject({
    model: z
      .int()
      .min(1)
      .max(65_534)
      .meta({ description: "The model's id: 103 is the three-phase inverter." }),
    point: z
      .string()
      .regex(/^\w{1,40}(\.\w{1,40}){0,3}$/)
      .optional()
      .meta({ description: "The point's name in the model, with its groups: W, module.DCA." }),
    index: z
      .union([z.int().min(1).max(1000), z.array(z.int().min(1).max(1000)).min(1).max(3)])
      .optional()
      .meta({ description: "Which repetition of the group, from 1; a list for groups in groups." }),
    instance: z
      .int()
      .min(1)
      .max(64)
      .optional()
      .meta({ description: "Which of several models of this id, from 1." }),
    offset: registerOffset
      .optional()
      .meta({ description: "For models that are not known here: registers from the model's ID on." }),
    type: z
      .string()
      .optional()
      .meta({ description: `With offset: ${sunspecTypes.join(", ")}.` }),
    length: z.int().min(1).max(120).optional().meta({ description: "With type string: its registers." }),
    scale: registerOffset
      .optional()
      .meta({ description: "With offset: the register that holds the power of ten." }),
  })
  .meta({
    description:
      "A point of a SunSpec model, wherever the device has it. Scaled by its scale factor; what is not implemented is not available.",
  });

type WrittenSunspec = z.infer<typeof sunspecFields>;

/** The place that is meant. Throws ConfigError. */
export function sunspecPlace(written: WrittenSunspec): SunspecPlace {
  const { model, point, index, instance = 1, offset, type, length, scale } = written;
  if ((point === undefined) === (offset === undefined)) throw refused("say either point or offset");
  if (point !== undefined) {
    for (const [key, value] of Object.entries({ type, length, scale }))
      if (value !== undefined) throw refused(`${key} goes with offset: a named point has its own`);
    return placeOf(model, instance, point, index === undefined ? [] : [index].flat());
  }
  if (index !== undefined) throw refused("index goes with point: an offset is already one place");
  if (type === undefined || !isType(type) || type === "pad")
    throw refused(`an offset needs a type: one of ${sunspecTypes.filter((one) => one !== "pad").join(", ")}`);
  if ((type === "string") !== (length !== undefined))
    throw refused("a length goes with type string, and only there");
  return {
    model,
    instance,
    name: `+${offset ?? 0}`,
    type,
    start: offset ?? 0,
    registers: typeRow(type).registers ?? length ?? 1,
    scaleAt: scale,
    guards: [],
  };
}

/** What the driver makes of it: scaled numbers have lost their step. */
export function sunspecKind({ type, scaleAt }: SunspecPlace): "integer" | "float" | "text" {
  if (type === "string") return "text";
  return scaleAt !== undefined || type === "float32" || type === "float64" ? "float" : "integer";
}

function refused(message: string): ConfigError {
  return new ConfigError(message, { code: "bad-address" });
}
