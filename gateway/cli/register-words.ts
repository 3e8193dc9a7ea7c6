import type { LegalBasis } from "../model/privacy.ts";

// The data register in the languages of those who ask for it.

export type Language = "en" | "sv";

/** Article 6(1) of the GDPR; public authorities may not use the last one for their tasks. */
export const basisWords: Readonly<Record<LegalBasis, Readonly<Record<Language, string>>>> = {
  consent: { en: "consent (GDPR art. 6.1 a)", sv: "samtycke (GDPR art. 6.1 a)" },
  contract: { en: "contract (GDPR art. 6.1 b)", sv: "avtal (GDPR art. 6.1 b)" },
  "legal-obligation": {
    en: "legal obligation (GDPR art. 6.1 c)",
    sv: "rättslig förpliktelse (GDPR art. 6.1 c)",
  },
  "vital-interests": {
    en: "vital interests (GDPR art. 6.1 d)",
    sv: "skydd av grundläggande intressen (GDPR art. 6.1 d)",
  },
  "public-task": {
    en: "task in the public interest (GDPR art. 6.1 e)",
    sv: "uppgift av allmänt intresse (GDPR art. 6.1 e)",
  },
  "legitimate-interests": {
    en: "legitimate interests (GDPR art. 6.1 f)",
    sv: "berättigat intresse (GDPR art. 6.1 f)",
  },
};

export const registerWords = {
  title: { en: "Data register of the gateway", sv: "Dataregister för gatewayen" },
  about: {
    en: "What is collected, why, for whom, how long and where it goes (modelled on GDPR article 30).",
    sv: "Vad som samlas in, varför, för vem, hur länge och vart det går (efter GDPR artikel 30).",
  },
  device: { en: "Device", sv: "Enhet" },
  profile: { en: "Profile", sv: "Profil" },
  owner: { en: "Owner", sv: "Ägare" },
  purpose: { en: "Purpose", sv: "Ändamål" },
  basis: { en: "Legal basis", sv: "Rättslig grund" },
  shared: { en: "Shared with", sv: "Delas med" },
  point: { en: "Point", sv: "Punkt" },
  what: { en: "What", sv: "Vad" },
  unit: { en: "Unit", sv: "Enhet för värdet" },
  often: { en: "How often", sv: "Hur ofta" },
  personal: { en: "Personal", sv: "Personuppgift" },
  audience: { en: "For whom", sv: "För vem" },
  step: { en: "Privacy steps", sv: "Integritetssteg" },
  kept: { en: "Kept", sv: "Sparas" },
  goes: { en: "Goes to", sv: "Skickas till" },
  missing: { en: "Missing", sv: "Saknas" },
  yes: { en: "yes", sv: "ja" },
  no: { en: "no", sv: "nej" },
  madePersonal: { en: "made of personal data", sv: "framtagen ur personuppgifter" },
  notSaid: { en: "not said", sv: "inte angivet" },
  nobody: { en: "nobody: stays in the gateway", sv: "ingen: stannar i gatewayen" },
  nowhere: { en: "nowhere", sv: "ingenstans" },
  once: { en: "at start", sv: "vid start" },
  asSent: { en: "as the device sends", sv: "när enheten sänder" },
  every: { en: "every", sv: "var" },
  until: { en: "until delivered, at most", sv: "tills levererat, högst" },
  per: { en: "per receiver", sv: "per mottagare" },
  memory: { en: "the latest value, in memory", sv: "senaste värdet, i minnet" },
  history: { en: "local history", sv: "lokal historik" },
  noHistory: { en: "no local history", sv: "ingen lokal historik" },
  everybody: { en: "everybody", sv: "alla" },
  complete: {
    en: "Complete: every personal point has a purpose and a legal basis.",
    sv: "Komplett: varje personuppgift har ändamål och rättslig grund.",
  },
  incomplete: {
    en: "INCOMPLETE: personal points without a purpose or legal basis:",
    sv: "OFULLSTÄNDIGT: personuppgifter utan ändamål eller rättslig grund:",
  },
  leftOut: {
    en: "LEFT OUT because gateway.yaml has errors:",
    sv: "UTELÄMNAT på grund av fel i gateway.yaml:",
  },
} as const satisfies Record<string, Record<Language, string>>;
