/** Where something can come out of a gateway. */
export const outlets = [
  "stdout and stderr",
  "log over the local API",
  "MQTT to the city",
  "MQTT to the network server",
  "diagnostics bundle",
  "audit log",
  "command line",
  "local API",
  "metrics",
  "command lines of processes",
  "enrolment",
  "Node-RED",
  "outbox, history, ledger and accounts",
] as const;
export type Outlet = (typeof outlets)[number];

/** A secret or something about a person that is planted in or around a gateway. */
export interface Canary {
  readonly name: string;
  /** Undefined: made by the gateway itself, and told while the test runs. */
  readonly value?: string;
  /** The outlets that are there for it: to be shown there is no leak. */
  readonly shownBy?: readonly Outlet[];
}

const technicians: readonly Outlet[] = ["local API", "command line"];

/** All that are planted. None of them is a word that stands anywhere else. */
export const canaries = [
  // Of the gateway towards others.
  { name: "broker password in a file", value: "kvittrar-Fil-7Qx2" },
  { name: "broker password in the environment", value: "kvittrar-Env-3Zp8" },
  { name: "broker password in gateway.yaml", value: "kvittrar-Klar-5Wm1" },
  { name: "broker password that is wrong", value: "kvittrar-Fel-9Tn4" },
  { name: "broker password in a URL", value: "kvittrar-Url-6Hd3" },
  { name: "broker password at a misspelt key", value: "kvittrar-Stav-2Kr7" },
  { name: "broker password in a list", value: "kvittrar-Lista-8Vb5" },
  { name: "broker password of a line that ends too early", value: "kvittrar-Rad-4Jc6" },
  { name: "password in a comment of gateway.yaml", value: "kvittrar-Anm-1Ys9" },
  { name: "password of the network server's broker", value: "kvittrar-Lora-7Bf2" },
  { name: "TLS client key towards the broker" },
  { name: "TLS key of the local door" },
  { name: "the gateway's own key" },
  { name: "encryption key of a smart meter", value: "5F8A1C3E7B2D4096A1B2C3D4E5F60718" },
  { name: "authentication key of a smart meter", value: "0D1E2F3A4B5C6D7E8F90A1B2C3D4E5F6" },
  { name: "key of a smart meter that is too short", value: "7A6B5C4D3E2F1A0B9C8D" },
  { name: "AppKey among the tags of a device", value: "3C9F27A8B14D6E508F1A2B3C4D5E6F70" },
  { name: "enrolment token on the card", value: "kvittrar-Kort-4Xg8-enrol" },
  {
    name: "key of the Wi-Fi on the card",
    value: "6b1f0e9d8c7b6a5f4e3d2c1b0a9f8e7d6c5b4a3f2e1d0c9b8a7f6e5d4c3b2a19",
  },

  // Of people at the local doors.
  { name: "first password of admin", shownBy: ["stdout and stderr"] },
  { name: "own password of admin", value: "kvittrar-Rot-2Lw5" },
  { name: "password made up for an operator", shownBy: ["command line"] },
  { name: "own password of an operator", value: "kvittrar-Drift-8Pz1" },
  { name: "password made up for a technician", shownBy: ["local API"] },
  { name: "own password of a technician", value: "kvittrar-Tekn-6Ra3" },
  { name: "new password that is too short", value: "kvitt7r" },
  { name: "password that was guessed", value: "kvittrar-Giss-9Me4" },
  { name: "password typed as a user's name", value: "kvittrar-namn-5du7" },
  { name: "session token of admin", shownBy: ["local API"] },
  { name: "session token of an operator", shownBy: ["local API"] },
  { name: "API token", shownBy: ["command line"] },
  { name: "API token that was taken away", shownBy: ["local API"] },
  { name: "bearer token of nobody", value: "sn_kvittrarIngen0123456789abcdefghijklmnopq" },
  { name: "cookie of nobody", value: "kvittrarKaka0123456789abcdefghijklmnop" },
  { name: "token in an address", value: "kvittrar-Fraga-3Gv6" },
  { name: "token in a path", value: "kvittrar-Vag-7Ci2" },

  // Of Node-RED.
  { name: "token of Node-RED's gate" },
  { name: "secret that encrypts Node-RED's credentials" },
  { name: "credential in a flow", value: "kvittrar-Flode-1Nq9" },

  // Of people who live there.
  { name: "owner of a device", value: "Kanarina Fågelström", shownBy: technicians },
  { name: "place of a device", value: "Kanariegränd 12, lgh 1402", shownBy: technicians },
  { name: "purpose of a device", value: "följer fru Kanariehjelms frånvaro", shownBy: technicians },
  { name: "neighbour's device name", value: "Familjen Kanarieholm", shownBy: technicians },
  { name: "neighbour's DevEUI", value: "70b3d57ed0c4a1f7", shownBy: technicians },
  {
    name: "DevEUI of a household's device",
    value: "70b3d57ed0c4b2e8",
    shownBy: ["diagnostics bundle", ...technicians],
  },
  {
    name: "reason of a command",
    value: "Kanariehjelms hund är ute",
    shownBy: ["audit log", "local API", "outbox, history, ledger and accounts"],
  },
  {
    name: "note at a change of gateway.yaml",
    value: "fru Kanariebergs begäran",
    shownBy: ["audit log", "local API", "outbox, history, ledger and accounts"],
  },
  { name: "presence in a home", value: "1948611377", shownBy: technicians },
  { name: "power of a home", value: "1736402519", shownBy: technicians },
  { name: "bedroom of a household's radio sensor", value: "1605938271", shownBy: ["local API"] },
  { name: "bytes of a neighbour's uplink", value: "c0ffee5ad71b93", shownBy: technicians },
] as const satisfies readonly Canary[];
export type CanaryName = (typeof canaries)[number]["name"];

/** A text as it may stand in JSON, a URL, Base64 or hexadecimal. */
export function spellings(value: string): string[] {
  const bytes = Buffer.from(value);
  const hex = bytes.toString("hex");
  const spelt = [
    value,
    JSON.stringify(value).slice(1, -1),
    encodeURIComponent(value),
    bytes.toString("base64").replace(/=+$/, ""),
    bytes.toString("base64url"),
    hex,
    hex.toUpperCase(),
  ];
  // Keys and numbers are written in more ways than one.
  if (/^[0-9a-fA-F]{14,}$/.test(value)) {
    const key = Buffer.from(value, "hex");
    spelt.push(value.toLowerCase(), value.toUpperCase(), key.toString("base64").replace(/=+$/, ""));
    spelt.push((value.match(/../g) ?? []).join(" "), (value.toLowerCase().match(/../g) ?? []).join(" "));
    spelt.push(key.toString("latin1"));
  }
  if (/^\d{10}$/.test(value)) {
    const word = Number(value).toString(16).padStart(8, "0");
    spelt.push(
      word,
      word.toUpperCase(),
      (word.match(/../g) ?? []).join(" "),
      Buffer.from(word, "hex").toString("latin1"),
    );
  }
  return [...new Set(spelt)];
}

/** Where a value stands: outlet and what is around it. */
export function find(
  value: string,
  heard: ReadonlyMap<Outlet, readonly string[]>,
): { outlet: Outlet; around: string }[] {
  const spelt = spellings(value);
  return [...heard].flatMap(([outlet, texts]) =>
    texts.flatMap((text) => {
      const found = spelt.find((one) => text.includes(one));
      if (found === undefined) return [];
      const at = text.indexOf(found);
      return [{ outlet, around: text.slice(Math.max(0, at - 120), at + 120) }];
    }),
  );
}

/** Names of planted secrets that stand in a text, those of the other tests included: they all begin alike. */
export function plantedIn(text: string): string[] {
  const found = canaries.flatMap((one) => ("value" in one && text.includes(one.value) ? [one.name] : []));
  return /canary-(of-the|in-plain|that-is)/.test(text) ? [...found, "a canary of another test"] : found;
}
