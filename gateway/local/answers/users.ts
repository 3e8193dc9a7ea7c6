import * as z from "zod";
import { priorities } from "../../model/command.ts";
import { roles } from "../access.ts";
import { named } from "./shared.ts";

// Who may use the API.

const account = { role: z.enum(roles), mustChange: z.boolean() };
export const login = named("Login", z.object({ token: z.string(), user: z.string(), ...account }));
export const session = named("Session", z.object({ user: z.string(), ...account }));
export const user = named(
  "User",
  z.object({ name: z.string(), ...account, password: z.string().optional() }),
);
export const users = z.array(user);
export const reset = named("Reset", z.object({ name: z.string(), password: z.string().optional() }));
export const token = named(
  "Token",
  z.object({
    name: z.string(),
    role: z.enum(roles),
    priority: z.enum(priorities),
    by: z.string(),
    secret: z.string().optional(),
  }),
);
export const tokens = z.array(token);
