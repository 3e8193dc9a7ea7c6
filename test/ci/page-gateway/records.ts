import type { LocalSurface } from "../../../gateway/local/surface.ts";

// What a gateway has written down: history, audit log and log.

/** Two minutes of a voltage, with a hole. */
export const history: NonNullable<LocalSurface["history"]> = async (query) => {
  const to = Number(query.get("to"));
  const from = Number(query.get("from"));
  const rows = Array.from({ length: 120 }, (_, index) => ({
    time: from + ((to - from) * index) / 120,
    quality: "good",
    ...(index > 60 && index < 70 ? {} : { value: 230 + 4 * Math.sin(index / 9) }),
  }));
  return { device: query.get("device"), series: [{ point: query.get("point"), unit: "V", rows }] };
};

export const auditLog: NonNullable<LocalSurface["auditLog"]> = async () => ({
  lines: [
    {
      n: 1,
      time: Date.now() - 60_000,
      bootMs: 1,
      clock: "trusted",
      what: "user",
      who: "admin",
      detail: { action: "login", address: "192.0.2.4" },
    },
    {
      n: 2,
      time: Date.now() - 30_000,
      bootMs: 2,
      clock: "trusted",
      what: "command",
      who: "kim",
      detail: { device: "lamp-1", point: "level", state: "succeeded" },
    },
  ].map((line) => JSON.stringify({ ...line, prev: "0" })),
});

export const logs: NonNullable<LocalSurface["logs"]> = () => {
  const line = (level: number, ageMs: number, more: object) =>
    JSON.stringify({ level, time: new Date(Date.now() - ageMs).toISOString(), ...more });
  return [
    line(30, 9000, { connection: "roof", msg: "opened" }),
    line(40, 5000, { device: "lamp-2", code: "timeout", msg: "does not answer" }),
    line(50, 0, { northbound: "city", err: { code: "ETIMEDOUT" }, msg: "the far side is away" }),
  ];
};
