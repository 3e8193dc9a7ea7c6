import { describe, expect, it } from "vitest";
import { loadProtocols } from "../../gateway/southbound/index.ts";
import { line, pumped } from "./protocol.contract.ts";
import { writeContract } from "./write.contract.ts";
import { writeBenches } from "./write-benches.ts";

const protocols = await loadProtocols();
const benches = writeBenches(protocols);

/** Devices behind a broker have no line of their own here: their writes are tested with it. */
const withoutLine = ["lorawan"];

describe("writes", () => {
  it("are held to the contract wherever a driver has them", async () => {
    for (const protocol of protocols.filter(({ name }) => !withoutLine.includes(name))) {
      const { clock, opened } = line(protocol, protocol.connection.parse(protocol.sample?.connection));
      await using driver = await pumped(clock, opened);
      expect([protocol.name, driver.write !== undefined]).toEqual([protocol.name, protocol.name in benches]);
      // What can be written can be shown in an example, and the other way round.
      expect([protocol.name, protocol.encodeWrite !== undefined]).toEqual([
        protocol.name,
        driver.write !== undefined,
      ]);
    }
  });
});

for (const protocol of protocols)
  for (const bench of benches[protocol.name] ?? [])
    describe(`${protocol.name} ${JSON.stringify(bench.connection)}`, () => writeContract(protocol, bench));
