import { decode, encode } from "cborg";
import type { PackHead } from "../../gateway/outbox/outbox.ts";

// Packs for tests of what carries them, made and merged with a foreign CBOR library.

export interface TestPack {
  readonly bytes: Uint8Array;
  readonly head: PackHead;
}

const zero = 1_790_000_000_000;

/** A pack of `readings` records of one device; the value of each is its number in the whole stream. */
export function makePack(
  seq: number,
  { audience = "open", run = "run1", gateway = "gw1", readings = 3 } = {},
): TestPack {
  const time = zero + seq * 1000;
  const records = Array.from({ length: readings }, (_, index) => {
    const record = new Map<number | string, unknown>([
      [0, `p${index}`],
      [2, seq * readings + index],
      [1, "W"],
    ]);
    if (index > 0) return record;
    record.set(-2, `urn:dev:ops:32473-test-${audience}:`).set(-3, time / 1000);
    return record.set("gw", gateway).set("aud", audience).set("run", run).set("seq", seq);
  });
  return {
    bytes: encode(records),
    head: {
      lane: "live",
      audience,
      run,
      seq,
      time: { base: "unix", ms: time },
      bootId: "test-boot",
      readings,
    },
  };
}

/** All of them as one: every pack brings its own base fields, so their records simply follow each other. */
export function mergeTestPacks(packs: readonly Uint8Array[]): Uint8Array {
  const all = packs.map((bytes): Map<unknown, unknown>[] => decode(bytes, { useMaps: true }));
  all[0]?.[0]?.set("seqTo", all.at(-1)?.[0]?.get("seq"));
  return encode(all.flat());
}
