/** Words in the pictures of the operators' manual. */
export interface OperatorsWords {
  readonly tab: string;
  readonly gateway: string;
  readonly threshold: string;
  readonly alarm: string;
  readonly unlock: string;
  readonly confirm: string;
  readonly told: string;
  /** What the editor shows. */
  readonly raised: string;
  readonly stale: string;
  readonly armed: string;
  readonly level: string;
  readonly range: string;
}

export const operatorsWords: Readonly<Record<"sv" | "en", OperatorsWords>> = {
  sv: {
    tab: "Götgatan",
    gateway: "Gatewayen på Götgatan",
    threshold: "över 80 W",
    alarm: "hög effekt",
    unlock: "lås upp",
    confirm: "bekräfta",
    told: "visa",
    raised: "larm",
    stale: "inaktuellt värde",
    armed: "väntar på bekräftelse",
    level: "Ljusnivå",
    range: "0 till 100 %",
  },
  en: {
    tab: "Götgatan",
    gateway: "Gateway on Götgatan",
    threshold: "over 80 W",
    alarm: "high power",
    unlock: "unlock",
    confirm: "confirm",
    told: "show",
    raised: "alarm",
    stale: "stale",
    armed: "waits to be confirmed",
    level: "Light level",
    range: "0 to 100 %",
  },
};

/** A lamp that draws much dims the other one and raises an alarm; a door opens in two steps. */
export function operatorsFlow(socket: string, words: OperatorsWords): object[] {
  const z = "street";
  const gateway = "gw";
  const reading = {
    type: "stadsnod-reading",
    z,
    name: "",
    gateway,
    audience: "",
    emit: "all",
    everyS: 60,
    quality: "all",
    initial: true,
  };
  const command = {
    type: "stadsnod-command",
    z,
    name: "",
    gateway,
    value: "",
    valueType: "msg",
    priority: "",
    expiresS: 30,
    reason: "",
    inFlight: 10,
    wires: [[], []],
  };
  const button = {
    type: "inject",
    z,
    repeat: "",
    crontab: "",
    once: false,
    onceDelay: 0.1,
    topic: "",
    payload: "",
    payloadType: "date",
    wires: [["lock"]],
  };
  return [
    { id: z, type: "tab", label: words.tab },
    {
      id: gateway,
      type: "stadsnod-gateway",
      name: words.gateway,
      connection: "socket",
      socket,
      url: "",
      fingerprint: "",
    },
    {
      ...reading,
      id: "reading",
      device: "street-1",
      point: "power",
      x: 150,
      y: 60,
      wires: [["threshold", "alarm"]],
    },
    {
      id: "threshold",
      type: "stadsnod-threshold",
      z,
      name: words.threshold,
      rule: "above",
      limit: "80",
      high: "",
      hysteresis: "5",
      debounce: "",
      minOn: "",
      minOff: "",
      maxAge: "",
      bad: "freeze",
      onPayload: "40",
      onPayloadType: "num",
      offPayload: "100",
      offPayloadType: "num",
      outputs: 1,
      x: 370,
      y: 60,
      wires: [["command"]],
    },
    { ...command, id: "command", device: "street-2", point: "level", confirm: "message", x: 600, y: 60 },
    {
      id: "alarm",
      type: "stadsnod-alarm",
      z,
      name: words.alarm,
      rule: "above",
      limit: "80",
      high: "",
      hysteresis: "5",
      severity: "high",
      latching: true,
      onDelay: "",
      offDelay: "",
      bad: "keep",
      topic: "",
      x: 370,
      y: 140,
      wires: [["told"]],
    },
    {
      id: "told",
      type: "debug",
      z,
      name: words.told,
      active: true,
      tosidebar: true,
      console: false,
      tostatus: false,
      complete: "payload",
      targetType: "msg",
      x: 590,
      y: 140,
      wires: [],
    },
    { ...reading, id: "second", device: "street-2", point: "level", x: 150, y: 220, wires: [[]] },
    {
      ...button,
      id: "unlock",
      name: words.unlock,
      props: [{ p: "payload" }],
      payload: "open",
      payloadType: "str",
      x: 130,
      y: 300,
    },
    {
      ...button,
      id: "confirm",
      name: words.confirm,
      props: [{ p: "confirm", v: "true", vt: "bool" }],
      x: 130,
      y: 360,
    },
    { ...command, id: "lock", device: "cabinet", point: "lock", confirm: "message", x: 380, y: 320 },
  ];
}
