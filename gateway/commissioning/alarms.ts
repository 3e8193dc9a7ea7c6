// Long for its texts: each alarm says in two languages what is wrong and what to do.
import type { WiringFound } from "../model/commissioning.ts";
import type { Text } from "../model/device.ts";

/** As ITU-T X.733, 8.1.2.3; the worst first. */
const severities = ["critical", "major", "minor", "warning"] as const;
type Severity = (typeof severities)[number];

/** Something that somebody should look at. As the local API shows it. */
export interface Alarm {
  /** The same as long as it is the same trouble. */
  readonly id: string;
  readonly severity: Severity;
  readonly since?: string | undefined;
  readonly message: Text;
  readonly fix?: Text | undefined;
  readonly device?: string | undefined;
  readonly connection?: string | undefined;
  readonly northbound?: string | undefined;
}

/** What alarms are made of: plain facts of now. */
export interface AlarmFacts {
  readonly uptimeS: number;
  readonly clockTrusted: boolean;
  readonly devices: readonly {
    readonly id: string;
    readonly connection: string;
    readonly state: string;
    readonly problem?: string | undefined;
  }[];
  readonly connections: readonly {
    readonly name: string;
    readonly state: string;
    readonly error?: string | undefined;
    /** Readings that nobody took, in the last while. */
    readonly droppedLately: number;
    /** What its counters make one suspect of its wiring. */
    readonly suspicion?: Pick<WiringFound, "fault" | "message" | "fixes"> | undefined;
  }[];
  readonly northbound: readonly {
    readonly name: string;
    readonly connected: boolean;
    readonly error?: string | undefined;
    /** Part of its outbox that is taken, 0 to 1. */
    readonly filled: number;
    readonly disk: "ok" | "full" | "read-only" | "failing";
    /** Files of its outbox that were set aside because they are damaged. */
    readonly damaged: number;
  }[];
  /** Parts that did not start. */
  readonly quarantined: readonly { readonly kind: string; readonly id: string; readonly reason: string }[];
  /** Why the ledger of commands takes none, if so. */
  readonly commandsProblem?: string | undefined;
  /** Undefined until somebody has looked. */
  readonly machine?:
    | {
        readonly disk: { readonly totalMB: number; readonly freeMB: number };
        readonly temperatureC?: number | undefined;
        readonly undervoltage?: "now" | "earlier" | "never" | undefined;
      }
    | undefined;
}

/** The clock may be set late, by a time server or a GNSS receiver: before that it is no alarm, s. */
const clockPatienceS = 600;

/** What is wrong now, the worst first. Pure. */
export function alarmsOf(facts: AlarmFacts): readonly Alarm[] {
  const alarms = [
    ...facts.connections.flatMap(ofConnection),
    ...ofDevices(facts),
    ...facts.northbound.flatMap(ofNorthbound),
    ...facts.quarantined.map(ofQuarantined),
    ...ofGateway(facts),
    ...ofMachine(facts.machine),
  ];
  return alarms.toSorted(
    (a, b) =>
      severities.indexOf(a.severity) - severities.indexOf(b.severity) ||
      (a.id < b.id ? -1 : Number(a.id > b.id)),
  );
}

/** A line that cannot be opened takes all its devices with it: one alarm says so. */
const isDown = (state: string): boolean => state === "waiting" || state === "failed";

function ofConnection({
  name,
  state,
  error,
  droppedLately,
  suspicion,
}: AlarmFacts["connections"][number]): Alarm[] {
  const alarms: Alarm[] = [];
  const why = error === undefined ? "" : `: ${error}`;
  if (state === "failed")
    alarms.push({
      id: `connection ${name} failed`,
      severity: "critical",
      connection: name,
      message: {
        en: `Connection ${name} cannot work as it is configured${why}`,
        sv: `Anslutningen ${name} kan inte fungera som den är konfigurerad${why}`,
      },
      fix: {
        en: "Correct its entry in gateway.yaml and reload",
        sv: "Rätta anslutningen i gateway.yaml och läs in den på nytt",
      },
    });
  if (state === "waiting")
    alarms.push({
      id: `connection ${name} down`,
      severity: "major",
      connection: name,
      message: {
        en: `Connection ${name} is down${why}`,
        sv: `Anslutningen ${name} ligger nere${why}`,
      },
      fix: {
        en: "Check cable, power and address; the gateway goes on trying by itself",
        sv: "Kontrollera kabel, matning och adress; gatewayen fortsätter att försöka själv",
      },
    });
  if (droppedLately > 0)
    alarms.push({
      id: `connection ${name} drops-readings`,
      severity: "major",
      connection: name,
      message: {
        en: `${droppedLately} readings of connection ${name} were lost in the last quarter of an hour`,
        sv: `${droppedLately} mätvärden från anslutningen ${name} har gått förlorade den senaste kvarten`,
      },
      fix: {
        en: "The disk or the processor does not keep up: look at load and storage, or poll less often",
        sv: "Disken eller processorn hinner inte med: kontrollera last och lagring, eller läs av mer sällan",
      },
    });
  if (suspicion)
    alarms.push({
      id: `connection ${name} wiring ${suspicion.fault}`,
      severity: "minor",
      connection: name,
      message: {
        en: `Connection ${name}: ${suspicion.message.en}`,
        sv: `Anslutningen ${name}: ${suspicion.message.sv ?? suspicion.message.en}`,
      },
      fix: suspicion.fixes[0],
    });
  return alarms;
}

function ofDevices({ devices, connections }: AlarmFacts): Alarm[] {
  const down = new Set(connections.filter(({ state }) => isDown(state)).map(({ name }) => name));
  return devices
    .filter(({ state, connection }) => state === "unavailable" && !down.has(connection))
    .map(({ id, problem }) => ({
      id: `device ${id} not-available`,
      severity: "major",
      device: id,
      message: {
        en: `Device ${id} is not available${problem === undefined ? "" : `: ${problem}`}`,
        sv: `Enheten ${id} är inte tillgänglig${problem === undefined ? "" : `: ${problem}`}`,
      },
      fix: {
        en: "Check its power, its wires and its address; test the wiring of its connection",
        sv: "Kontrollera matning, kablage och adress; testa anslutningens kablage",
      },
    }));
}

const diskWords: Readonly<Record<"full" | "read-only" | "failing", Text>> = {
  full: { en: "the disk is full", sv: "disken är full" },
  "read-only": { en: "the disk cannot be written to", sv: "disken går inte att skriva till" },
  failing: { en: "the disk fails", sv: "disken svarar med fel" },
};

function ofNorthbound(side: AlarmFacts["northbound"][number]): Alarm[] {
  const { name, connected, error, filled, disk, damaged } = side;
  const alarms: Alarm[] = [];
  const about = { northbound: name };
  const why = error === undefined ? "" : `: ${error}`;
  if (!connected)
    alarms.push({
      ...about,
      id: `northbound ${name} away`,
      severity: "major",
      message: {
        en: `${name} is out of reach${why}. Readings are kept until it is back`,
        sv: `${name} går inte att nå${why}. Mätvärdena sparas tills kontakten är tillbaka`,
      },
      fix: {
        en: "Check the network; the northbound test says which step fails",
        sv: "Kontrollera nätet; testet av överordnat system visar vilket steg som fallerar",
      },
    });
  const percent = Math.floor(filled * 100);
  if (filled > 0.5)
    alarms.push({
      ...about,
      id: `northbound ${name} outbox-fills`,
      severity: filled > 0.9 ? "critical" : "minor",
      message: {
        en: `The outbox for ${name} is ${percent} % full; when it is full the oldest readings go`,
        sv: `Utkorgen för ${name} är full till ${percent} %; när den är full går de äldsta mätvärdena förlorade`,
      },
      fix: {
        en: "Bring the connection back, or give `storage: {maxBytes: ...}` more room",
        sv: "Återställ förbindelsen, eller ge `storage: {maxBytes: ...}` mer utrymme",
      },
    });
  if (disk !== "ok")
    alarms.push({
      ...about,
      id: `northbound ${name} disk`,
      severity: "critical",
      message: {
        en: `Readings for ${name} are held in memory only: ${diskWords[disk].en}. A power cut would lose them`,
        sv: `Mätvärden för ${name} finns bara i minnet: ${diskWords[disk].sv}. Vid strömavbrott går de förlorade`,
      },
      fix: {
        en: "Free space, or replace the storage medium",
        sv: "Frigör utrymme, eller byt lagringsmedium",
      },
    });
  if (damaged > 0)
    alarms.push({
      ...about,
      id: `northbound ${name} damaged`,
      severity: "warning",
      message: {
        en: `${damaged} damaged pieces of the outbox for ${name} were set aside`,
        sv: `${damaged} skadade delar av utkorgen för ${name} har lagts åt sidan`,
      },
      fix: {
        en: "Check the storage medium: it may be worn out",
        sv: "Kontrollera lagringsmediet: det kan vara utslitet",
      },
    });
  return alarms;
}

const kindsInSwedish: Readonly<Record<string, string>> = {
  device: "Enheten",
  connection: "Anslutningen",
  northbound: "Det överordnade systemet",
  profile: "Profilen",
  schedule: "Schemat",
};

function ofQuarantined({ kind, id, reason }: AlarmFacts["quarantined"][number]): Alarm {
  const isStore = kind === "store";
  // `of <what>`, as the gateway names its stores.
  const what = id.replace(/^of /, "");
  return {
    id: `${kind} ${id} quarantined`,
    severity: isStore ? "critical" : "major",
    ...(kind === "device" ? { device: id } : {}),
    ...(kind === "connection" ? { connection: id } : {}),
    ...(kind === "northbound" ? { northbound: id } : {}),
    message: isStore
      ? {
          en: `The store of ${what} cannot be used: ${reason}`,
          sv: `Lagringen för ${what} går inte att använda: ${reason}`,
        }
      : {
          en: `${kind} ${id} does not start: ${reason}`,
          sv: `${kindsInSwedish[kind] ?? kind} ${id} startar inte: ${reason}`,
        },
    fix: isStore
      ? {
          en: "Check the disk: space, permissions, wear. The gateway tries again by itself, at once when it is restarted",
          sv: "Kontrollera disken: utrymme, rättigheter, slitage. Gatewayen försöker igen av sig själv, genast om den startas om",
        }
      : {
          en: "Correct gateway.yaml (`stadsnod check` shows the place) and reload",
          sv: "Rätta gateway.yaml (`stadsnod check` visar stället) och läs in den på nytt",
        },
  };
}

function ofGateway({ clockTrusted, uptimeS, commandsProblem }: AlarmFacts): Alarm[] {
  const alarms: Alarm[] = [];
  if (!clockTrusted && uptimeS > clockPatienceS)
    alarms.push({
      id: "clock untrusted",
      severity: "major",
      message: {
        en: "The clock cannot be trusted: readings wait for a time, and nothing is sent",
        sv: "Klockan går inte att lita på: mätvärdena väntar på rätt tid och inget skickas",
      },
      fix: {
        en: "Give the machine a time server (chrony, systemd-timesyncd) or a GNSS receiver",
        sv: "Ge maskinen en tidsserver (chrony, systemd-timesyncd) eller en GNSS-mottagare",
      },
    });
  if (commandsProblem !== undefined)
    alarms.push({
      id: "commands ledger",
      severity: "critical",
      message: {
        en: `No commands are taken: ${commandsProblem}`,
        sv: `Inga kommandon tas emot: ${commandsProblem}`,
      },
      fix: {
        en: "Check the disk: space, permissions, wear",
        sv: "Kontrollera disken: utrymme, rättigheter, slitage",
      },
    });
  return alarms;
}

function ofMachine(machine: AlarmFacts["machine"]): Alarm[] {
  if (!machine) return [];
  const { disk, temperatureC, undervoltage } = machine;
  const alarms: Alarm[] = [];
  const part = disk.totalMB > 0 ? disk.freeMB / disk.totalMB : 1;
  if (disk.totalMB > 0 && (part < 0.05 || disk.freeMB < 200))
    alarms.push({
      id: "machine disk-low",
      severity: part < 0.01 || disk.freeMB < 50 ? "critical" : "major",
      message: {
        en: `Only ${disk.freeMB} MB of ${disk.totalMB} MB are free on the storage`,
        sv: `Bara ${disk.freeMB} MB av ${disk.totalMB} MB är lediga på lagringen`,
      },
      fix: {
        en: "Remove what is not needed, or store less: `storage`, `history`, `auditLog` of gateway.yaml",
        sv: "Ta bort det som inte behövs, eller spara mindre: `storage`, `history`, `auditLog` i gateway.yaml",
      },
    });
  if (temperatureC !== undefined && temperatureC > 80)
    alarms.push({
      id: "machine hot",
      severity: "major",
      message: {
        en: `The processor is at ${temperatureC} °C: it slows down, and ages`,
        sv: `Processorn håller ${temperatureC} °C: den blir långsammare och åldras`,
      },
      fix: {
        en: "Let air through the cabinet, or add a heat sink; keep it out of the sun",
        sv: "Ventilera skåpet eller montera kylfläns; skydda det från sol",
      },
    });
  if (undervoltage === "now" || undervoltage === "earlier")
    alarms.push({
      id: "machine undervoltage",
      severity: undervoltage === "now" ? "major" : "warning",
      message:
        undervoltage === "now"
          ? { en: "The supply is too weak", sv: "Matningen är för svag" }
          : {
              en: "The supply was too weak since the start",
              sv: "Matningen har varit för svag sedan starten",
            },
      fix: {
        en: "Use the maker's power supply and a short, thick cable; USB devices may need a hub with its own supply",
        sv: "Använd tillverkarens nätaggregat och en kort, grov kabel; USB-enheter kan behöva en hubb med egen matning",
      },
    });
  return alarms;
}
