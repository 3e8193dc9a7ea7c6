// What docs/telemetry.md prints for others, kept honest by vectors.test.ts. It knows nothing of the gateway.
import { decode } from "cborg";

export function* decodeTelemetry(pack: Uint8Array) {
  let [bn, bt, bu] = ["", 0, ""];
  for (const r of decode(pack, { useMaps: true, rejectDuplicateMapKeys: true })) {
    for (const key of r.keys()) if (String(key).endsWith("_")) throw new Error(`must understand ${key}`);
    [bn, bt, bu] = [r.get(-2) ?? bn, r.get(-3) ?? bt, r.get(-4) ?? bu];
    const value = r.get(2) ?? r.get(3) ?? r.get(4) ?? r.get(8);
    const unit = r.has(2) ? (r.get(1) ?? bu) : undefined;
    yield { name: bn + (r.get(0) ?? ""), unit, value, time: Math.round((bt + (r.get(6) ?? 0)) * 1000) };
  }
}
