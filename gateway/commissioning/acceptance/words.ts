import type { Missing } from "../../model/acceptance.ts";
import type { Text } from "../../model/device.ts";

// What an acceptance report says, in both languages.

export type Language = "en" | "sv";

interface Bilingual {
  readonly en: string;
  readonly sv: string;
}

export const words = {
  title: { en: "Acceptance report", sv: "Överlämningsprotokoll" },
  accepted: { en: "Accepted without remarks", sv: "Godkänd utan anmärkning" },
  despite: { en: "Accepted with remarks", sv: "Godkänd med anmärkningar" },
  reason: { en: "Accepted all the same because", sv: "Godkänd ändå, eftersom" },
  remarks: { en: "Remarks", sv: "Anmärkningar" },
  gateway: { en: "Gateway", sv: "Gateway" },
  name: { en: "Name", sv: "Namn" },
  time: { en: "Time", sv: "Tid" },
  clockUntrusted: {
    en: "the gateway's clock was not synchronised",
    sv: "gatewayens klocka var inte synkroniserad",
  },
  technician: { en: "Technician", sv: "Tekniker" },
  loggedIn: { en: "logged in as", sv: "inloggad som" },
  note: { en: "Note", sv: "Notering" },
  version: { en: "Software", sv: "Programvara" },
  run: { en: "Run", sv: "Körning" },
  machine: { en: "Hardware", sv: "Hårdvara" },
  system: { en: "System", sv: "System" },
  addresses: { en: "Addresses", sv: "Adresser" },
  configuration: { en: "Configuration (SHA-256)", sv: "Konfiguration (SHA-256)" },
  generation: { en: "generation", sv: "generation" },
  position: { en: "Position (WGS 84)", sv: "Position (WGS 84)" },
  connections: { en: "Connections", sv: "Anslutningar" },
  connection: { en: "Connection", sv: "Anslutning" },
  protocol: { en: "Protocol", sv: "Protokoll" },
  settings: { en: "Settings", sv: "Inställningar" },
  devices: { en: "Devices", sv: "Enheter" },
  profile: { en: "Profile", sv: "Profil" },
  owner: { en: "Owner", sv: "Ägare" },
  place: { en: "Place", sv: "Plats" },
  point: { en: "Point", sv: "Mätpunkt" },
  value: { en: "Value", sv: "Värde" },
  range: { en: "Range", sv: "Tillåtet område" },
  quality: { en: "Quality", sv: "Kvalitet" },
  measured: { en: "Measured", sv: "Avläst" },
  verdict: { en: "Verdict", sv: "Bedömning" },
  good: { en: "OK", sv: "OK" },
  bad: { en: "Not OK", sv: "Inte OK" },
  confirmed: { en: "seen by the technician", sv: "bekräftad på plats" },
  rejected: { en: "rejected by the technician", sv: "underkänd på plats" },
  actuators: { en: "Actuator tests", sv: "Test av styrning" },
  actuator: { en: "Actuator", sv: "Styrpunkt" },
  command: { en: "Command", sv: "Kommando" },
  outcome: { en: "Outcome", sv: "Utfall" },
  onSite: { en: "On site", sv: "På plats" },
  untested: { en: "not tested", sv: "inte testad" },
  northbound: { en: "Connection to the platform", sv: "Kontakt med plattformen" },
  farSide: { en: "Far side", sv: "Mottagare" },
  works: { en: "works", sv: "fungerar" },
  fails: { en: "does not work", sv: "fungerar inte" },
  signature: { en: "Signature", sv: "Signatur" },
  signed: {
    en: "Signed by the gateway with its own key. Check this file with",
    sv: "Signerat av gatewayen med dess egen nyckel. Kontrollera filen med",
  },
  key: { en: "Key", sv: "Nyckel" },
  hash: { en: "SHA-256 of the signed report", sv: "SHA-256 för det signerade protokollet" },
  document: { en: "The signed report (JWS, RFC 7515)", sv: "Det signerade protokollet (JWS, RFC 7515)" },
  yes: { en: "yes", sv: "ja" },
  no: { en: "no", sv: "nej" },
  signHere: { en: "Signature of the recipient", sv: "Mottagarens underskrift" },
} as const satisfies Readonly<Record<string, Bilingual>>;

const qualities: Readonly<Record<string, Bilingual>> = {
  good: { en: "good", sv: "bra" },
  stale: { en: "out of date", sv: "för gammal" },
  sentinel: { en: "not available in the device", sv: "saknas i enheten" },
  "out-of-range": { en: "out of range", sv: "utanför tillåtet område" },
  "comm-error": { en: "no contact", sv: "ingen kontakt" },
  "config-error": { en: "refused by the device", sv: "avvisas av enheten" },
  unread: { en: "never read", sv: "aldrig avläst" },
};

export function qualityWords(quality: string, language: Language): string {
  return qualities[quality]?.[language] ?? quality;
}

const outcomes: Readonly<Record<string, Bilingual>> = {
  succeeded: { en: "carried out", sv: "utfört" },
  failed: { en: "failed", sv: "misslyckades" },
  expired: { en: "came too late", sv: "kom för sent" },
};

/** `failed: no-answer` with its first word for people; the code stays. */
export function outcomeWords(outcome: string, language: Language): string {
  const [state = "", ...code] = outcome.split(": ");
  return [outcomes[state]?.[language] ?? state, ...code].join(": ");
}

/** A unit as people write it. */
export function unitWords(unit: string): string {
  return unit === "Cel" ? "°C" : unit;
}

const reasons: Readonly<Record<Missing["what"], Bilingual>> = {
  "no-device": { en: "there is no device", sv: "det finns ingen enhet" },
  "point-not-good": { en: "has no good value", sv: "har inget bra värde" },
  "point-rejected": { en: "was rejected by the technician", sv: "underkändes på plats" },
  "actuator-untested": { en: "nobody has tested whether it obeys", sv: "styrningen är inte testad" },
  "actuator-failed": { en: "did not carry out the test command", sv: "utförde inte testkommandot" },
  "actuator-rejected": { en: "did not do what it was told", sv: "gjorde inte det som beordrades" },
  "actuator-unconfirmed": {
    en: "nobody has confirmed that it did what it was told",
    sv: "ingen har bekräftat att den gjorde det som beordrades",
  },
  "northbound-untested": { en: "has not been tested", sv: "är inte testad" },
  "northbound-failed": { en: "did not work in the last test", sv: "fungerade inte vid senaste testet" },
};

/** `lamp-1 level: has no good value` */
export function missingWords({ what, device, point, northbound }: Missing, language: Language): string {
  const subject = [device, point, northbound].filter((one) => one !== undefined).join(" ");
  return subject === "" ? reasons[what][language] : `${subject}: ${reasons[what][language]}`;
}

/** The word of a text, English where there is no other. */
export function inLanguage({ en, sv }: Text, language: Language): string {
  return language === "sv" ? (sv ?? en) : en;
}
