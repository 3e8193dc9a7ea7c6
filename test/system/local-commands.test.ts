import { expect, it } from "vitest";
import { Bench, lamps } from "../fault/desk-harness.ts";
import { openDoors } from "./local-doors.ts";

async function doors() {
  const bench = await new Bench().open();
  return {
    bench,
    opened: await openDoors({ surface: { commands: bench.desk, devices: () => [...lamps.values()] } }),
  };
}

const body = { id: "mine", device: "lamp-1", point: "level", value: 30 };

it("gives the result again to who asks again with the same id, and writes once", async () => {
  const { bench, opened } = await doors();
  await using api = opened;
  const ask = (more: object = {}) =>
    api.ask({ door: "socket", method: "POST", path: "/v1/commands", body: { ...body, ...more } });
  expect(await ask()).toMatchObject({ status: 202, json: { state: "accepted" } });
  await bench.run(5000);
  expect(await ask()).toMatchObject({ status: 200, json: { state: "succeeded", value: 30 } });
  expect(await ask({ value: 31 })).toMatchObject({ json: { state: "failed", code: "id-reused" } });
  expect(bench.world.writes).toHaveLength(1);
});

it("waits for the last word of the caller's own command, whoever uses the same id", async () => {
  const { bench, opened } = await doors();
  await using api = opened;
  const accepted = bench.desk.results(new AbortController().signal)[Symbol.asyncIterator]();
  const waiting = api.ask({ door: "socket", method: "POST", path: "/v1/commands?wait=20s", body });
  expect((await accepted.next()).value).toMatchObject({ id: "mine", state: "accepted" });
  await bench.receive({ id: "mine", issuer: "police", device: "lamp-2", value: 77 });
  await bench.run(5000);
  expect(await waiting).toMatchObject({ json: { state: "succeeded", issuer: "local", value: 30 } });
});
