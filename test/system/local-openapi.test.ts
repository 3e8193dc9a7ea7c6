import { Validator } from "@seriousme/openapi-schema-validator";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type * as z from "zod";
import { access } from "../../gateway/local/access.ts";
import * as answers from "../../gateway/local/answers.ts";
import { openApp } from "../../gateway/local/app.ts";
import { EventStreams } from "../../gateway/local/events.ts";
import { LoginGuard } from "../../gateway/local/login-guard.ts";
import { openSources } from "../../gateway/local/sources.ts";
import { silentLog } from "../../gateway/model/log.ts";
import { VirtualClock } from "../fault/virtual-clock.ts";
import { type Doors, openDoors } from "./local-doors.ts";

describe("the OpenAPI document", () => {
  let doors: Doors;
  beforeAll(async () => {
    doors = await openDoors();
  });
  afterAll(() => doors[Symbol.asyncDispose]());

  it("is valid and names the routes that there are, and no other", async () => {
    const { json } = await doors.ask({ path: "/v1/openapi.json" });
    const checked = await new Validator().validate(structuredClone(json));
    expect(checked.errors ?? []).toEqual([]);
    expect(checked.valid).toBe(true);
    expect(json.openapi).toBe("3.1.0");
    const described = Object.entries<Record<string, { operationId: string }>>(json.paths).flatMap(
      ([path, operations]) =>
        Object.keys(operations).map(
          (method) => `${method.toUpperCase()} ${path.replaceAll(/\{(\w+)\}/g, ":$1")}`,
        ),
    );
    const clock = new VirtualClock();
    const surface = () => doors.surface;
    await using app = await openApp({
      surface,
      clock,
      log: silentLog,
      audit: { record: async () => {} },
      accounts: undefined,
      guard: new LoginGuard(clock),
      streams: new EventStreams(clock),
      sources: openSources(surface, clock, () => {}),
      counts: { byClass: new Map(), loginsFailed: 0, loginsSucceeded: 0 },
    });
    expect(described.toSorted()).toEqual([...app.routes].toSorted());
    expect([...app.routes].toSorted()).toEqual(Object.keys(access).toSorted());
    const ids = Object.values<Record<string, { operationId: string }>>(json.paths).flatMap((operations) =>
      Object.values(operations).map(({ operationId }) => operationId),
    );
    expect(new Set(ids).size).toBe(ids.length);
    // Every reference leads somewhere.
    for (const [, name] of JSON.stringify(json).matchAll(/"#\/components\/schemas\/(\w+)"/g))
      expect(json.components.schemas).toHaveProperty(name!);
    expect(JSON.stringify(json)).not.toContain("$defs");
  });

  it("says what is really answered", async () => {
    const { ask } = doors;
    const local = { door: "socket" } as const;
    await ask({
      ...local,
      method: "POST",
      path: "/v1/commands",
      body: { id: "c1", device: "lamp-1", point: "level", value: 1 },
    });
    const got: [string, z.ZodType][] = [
      ["/v1/status", answers.status],
      ["/v1/devices", answers.devices],
      ["/v1/devices/lamp-1", answers.device],
      ["/v1/latest", answers.readings],
      ["/v1/history?device=lamp-1&from=2026-01-01T00:00:00Z", answers.history],
      ["/v1/audit-log?what=start", answers.auditLog],
      ["/v1/connections", answers.connections],
      ["/v1/accounting", answers.accounting],
      ["/v1/commands", answers.results],
      ["/v1/commands/c1", answers.result],
      ["/v1/holds", answers.holds],
      ["/v1/configuration", answers.configuration],
      ["/v1/logs", answers.logs],
      ["/v1/users", answers.users],
      ["/v1/tokens", answers.tokens],
      ["/healthz", answers.ok],
      ["/readyz", answers.ok],
    ];
    for (const [path, schema] of got) {
      const { status, json } = await ask({ ...local, path });
      expect(status, path).toBe(200);
      expect(schema.safeParse(json).error?.issues ?? [], path).toEqual([]);
    }
    const posted: [string, object, z.ZodType][] = [
      ["/v1/read", { device: "lamp-1" }, answers.readings],
      ["/v1/reload", {}, answers.reloaded],
      ["/v1/configuration/check", { text: "a: 1" }, answers.checked],
      ["/v1/users", { name: "kim", role: "viewer" }, answers.user],
      ["/v1/users/kim/password", {}, answers.reset],
      ["/v1/tokens", { name: "robot" }, answers.token],
      ["/v1/commands?dry-run=true", { device: "no", point: "level", value: 1 }, answers.commanded],
      ["/v1/login", { user: "admin", password: doors.password }, answers.login],
    ];
    for (const [path, body, schema] of posted) {
      const { status, json } = await ask({ ...local, method: "POST", path, body });
      expect([200, 201], path).toContain(status);
      expect(schema.safeParse(json).error?.issues ?? [], path).toEqual([]);
    }
    const device = (await ask({ ...local, path: "/v1/devices/lamp-1" })).json;
    expect(device.points.map(({ name, audience, write }: never) => [name, audience, write])).toMatchObject([
      ["level", "restricted", { range: [0, 100], confirm: "none" }],
      ["total", "restricted", {}],
      ["mode", "open", undefined],
      ["alarms", "restricted", undefined],
    ]);
    expect(device.points[2].labels).toEqual([
      { en: "off", sv: "av" },
      { en: "on", sv: "på" },
    ]);
    const metrics = await ask({ ...local, path: "/metrics" });
    expect(metrics.headers["content-type"]).toBe("text/plain; version=0.0.4; charset=utf-8");
    expect(metrics.text).toContain('stadsnod_device_available{device="lamp-1",connection="roof"} 1\n');
  });
});
