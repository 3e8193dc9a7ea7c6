import * as z from "zod";
import { text } from "../codec/settings.ts";
import { toText } from "../profiles/label.ts";
import type { CatalogueConfig } from "./config.ts";

/** What kind of publisher one may be: the vocabulary of DCAT-AP for `dcterms:type` of an agent. */
const publisherTypes = [
  "Academia-ScientificOrganisation",
  "Company",
  "IndustryConsortium",
  "LocalAuthority",
  "NationalAuthority",
  "NonGovernmentalOrganisation",
  "NonProfitOrganisation",
  "PrivateIndividual(s)",
  "RegionalAuthority",
  "StandardisationBody",
  "SupraNationalAuthority",
] as const;

/** An http(s) address without blanks and the characters that Turtle keeps for itself. */
const iri = z.string().regex(/^https?:\/\/[^\s<>"{}|\\^`]+$/, {
  error: "write a whole address, such as https://example.org/data",
});

const email = z.string().regex(/^[^\s@<>"{}|\\^`]+@[^\s@<>"{}|\\^`]+$/, { error: "not an e-mail address" });

/** CC0 1.0: the data may be used by anybody for anything. */
const cc0 = "http://creativecommons.org/publicdomain/zero/1.0/";

export const catalogueSchema = z.strictObject({
  base: iri.optional(),
  title: text.optional(),
  description: text.optional(),
  publisher: z
    .strictObject({
      name: z.string().min(1),
      iri: iri.optional(),
      type: z.enum(publisherTypes).default("LocalAuthority"),
    })
    .optional(),
  contact: z.strictObject({ name: z.string().min(1), email }).optional(),
  licence: iri.default(cc0),
  spatial: iri.optional(),
  languages: z
    .array(z.string().regex(/^[a-z]{3}$/, { error: "a language is its three letters, such as swe or eng" }))
    .min(1)
    .max(8)
    .default(["swe", "eng"]),
});

export function catalogueOf(written: z.output<typeof catalogueSchema>): CatalogueConfig {
  const { title, description, ...rest } = written;
  return {
    ...rest,
    title: title === undefined ? undefined : toText(title),
    description: description === undefined ? undefined : toText(description),
  };
}
