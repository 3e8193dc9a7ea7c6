import { describe, expect, it } from "vitest";
import { SimulatedDisk } from "../../test/fault/simulated-disk.ts";
import { VirtualClock } from "../../test/fault/virtual-clock.ts";
import { LoginGuard } from "./login-guard.ts";
import { newPassword, Passwords } from "./passwords.ts";
import { Sessions } from "./sessions.ts";
import { openUsers } from "./users.ts";

const cheap = { n: 1024, r: 8, p: 1 };

describe("passwords", () => {
  it("are known again, also when typed on another keyboard, and by the cost that they were made with", async () => {
    const known = await new Passwords(cheap).hash("blåbärssoppa");
    expect(known).toMatchObject(cheap);
    const dearer = new Passwords({ ...cheap, n: 2048 });
    expect(await dearer.verify("blåbärssoppa".normalize("NFD"), known)).toBe(true);
    expect(await dearer.verify("blabarssoppa", known)).toBe(false);
    expect(await dearer.verify("blåbärssoppa", undefined)).toBe(false);
    expect((await dearer.hash("blåbärssoppa")).hash).not.toBe((await dearer.hash("blåbärssoppa")).hash);
  });

  it("are worked on one at a time, and at most eight wait", async () => {
    const passwords = new Passwords(cheap);
    const all = await Promise.allSettled(Array.from({ length: 50 }, () => passwords.verify("x", undefined)));
    const refused = all.filter(({ status }) => status === "rejected");
    expect(refused).toHaveLength(42);
    expect(refused[0]).toMatchObject({ reason: { code: "too-busy", status: 503 } });
    expect(passwords.waiting).toBe(0);
    expect(await passwords.verify("x", undefined)).toBe(false);
  });

  it("that are made up use every letter and never come twice", () => {
    const made = Array.from({ length: 500 }, newPassword);
    expect(new Set(made).size).toBe(500);
    for (const one of made) expect(one).toMatch(/^([a-hjkmnp-z2-9]{4}-){3}[a-hjkmnp-z2-9]{4}$/);
    expect(new Set(made.join("").replaceAll("-", "")).size).toBe(31);
  });
});

describe("sessions", () => {
  it("are bounded: the one that was idle longest ends", async () => {
    const clock = new VirtualClock();
    const sessions = new Sessions(clock, { most: 10, mostPerUser: 3 });
    const own = Array.from({ length: 3 }, () => sessions.begin("kim"));
    expect(sessions.use(own[0]!)?.user).toBe("kim");
    const fourth = sessions.begin("kim");
    expect(own.map((token) => sessions.isAlive(token))).toEqual([true, false, true]);
    for (let n = 0; n < 100; n++) sessions.begin(`user-${n}`);
    expect(sessions.size).toBe(10);
    expect(sessions.isAlive(fourth)).toBe(false);
    await clock.advance(30 * 60_000);
    sessions.begin("kim");
    expect(sessions.size).toBe(1);
  });
});

describe("the guard of logins", () => {
  const fail = (guard: LoginGuard, user: string, address: string) => {
    guard.check(user, address);
    guard.failed(user, address);
  };

  it("waits longer after each failure, for the address and for the user", async () => {
    const clock = new VirtualClock();
    const guard = new LoginGuard(clock);
    for (let n = 0; n < 3; n++) fail(guard, "kim", "192.0.2.1");
    expect(() => guard.check("other", "192.0.2.1")).toThrow(expect.objectContaining({ retryAfter: 1 }));
    // From elsewhere the user waits too.
    expect(() => guard.check("kim", "198.51.100.1")).toThrow(expect.objectContaining({ status: 429 }));
    for (let n = 0; n < 20; n++) {
      await clock.advance(15 * 60_000);
      fail(guard, "kim", "192.0.2.1");
    }
    expect(() => guard.check("x", "192.0.2.1")).toThrow(expect.objectContaining({ retryAfter: 900 }));
    expect(() => guard.check("kim", "198.51.100.1")).toThrow(expect.objectContaining({ retryAfter: 60 }));
    await clock.advance(2 * 3_600_000);
    expect(() => guard.check("kim", "192.0.2.1")).not.toThrow();
  });

  it("lets a user in where it is known, whatever others try", () => {
    const guard = new LoginGuard(new VirtualClock());
    guard.succeeded("kim", "192.0.2.1");
    for (let n = 0; n < 3; n++) fail(guard, "kim", `198.51.100.${n}`);
    expect(() => guard.check("kim", "203.0.113.9")).toThrow();
    expect(() => guard.check("kim", "192.0.2.1")).not.toThrow();
  });

  it("counts an IPv6 network as one, and remembers no more than it has room for", () => {
    const guard = new LoginGuard(new VirtualClock());
    for (let n = 0; n < 3; n++) fail(guard, `user-${n}`, `2001:db8:1:2::${n}`);
    expect(() => guard.check("user-9", "2001:db8:1:2:ffff::1")).toThrow();
    expect(() => guard.check("user-9", "2001:db8:1:3::1")).not.toThrow();
    for (let n = 0; n < 10_000; n++) guard.failed(`name-${n}`, `10.0.${n >> 8}.${n & 255}`);
    expect(guard.size).toBeLessThanOrEqual(2048);
  });
});

describe("users", () => {
  const passwords = new Passwords(cheap);
  const open = (disk: SimulatedDisk, told: string[] = []) =>
    openUsers({ disk, passwords, firstPassword: (user, password) => told.push(user, password) });

  it("begin with an admin, once, and outlive a power cut", async () => {
    const options = { random: () => 0.1 };
    const disk = new SimulatedDisk(options);
    const told: string[] = [];
    const users = await open(disk, told);
    expect(told[0]).toBe("admin");
    expect(await users.login("admin", told[1]!)).toEqual({ name: "admin", role: "admin", mustChange: true });
    await users.setPassword("admin", "another-1-password", false);
    const secret = await users.addToken({
      name: "robot",
      role: "operator",
      priority: "automation",
      by: "kim",
    });
    const again = await open(disk.cutPower(options), told);
    expect(told).toHaveLength(2);
    expect(await again.login("admin", told[1]!)).toBeUndefined();
    expect(await again.login("admin", "another-1-password")).toMatchObject({ mustChange: false });
    expect(again.tokenOf(secret)).toMatchObject({ name: "robot", priority: "automation" });
    expect(Buffer.from(disk.contents("users.json")).toString()).not.toContain(secret);
  });

  it("change nothing that the disk does not take", async () => {
    let full = false;
    const disk = new SimulatedDisk({
      random: () => 0.5,
      fail: (operation) => (full && operation === "create" ? "disk-full" : undefined),
    });
    const users = await open(disk);
    full = true;
    await expect(users.add("kim", "viewer")).rejects.toMatchObject({ code: "disk-full" });
    expect(users.find("kim")).toBeUndefined();
    full = false;
    await users.add("kim", "viewer");
    await expect(users.add("kim", "admin")).rejects.toMatchObject({ code: "name-taken" });
    expect(users.find("kim")?.role).toBe("viewer");
  });

  it("put a damaged file aside instead of losing it", async () => {
    const disk = new SimulatedDisk({ random: () => 0.5 });
    await open(disk);
    const told: string[] = [];
    disk.damage("users.json", 10, () => 0);
    await open(disk, told);
    expect(told[0]).toBe("admin");
    expect(disk.names).toContain("users.json.damaged");
  });

  it("are not there for who was removed while the password was looked at", async () => {
    const users = await open(new SimulatedDisk({ random: () => 0.5 }));
    const { password } = await users.add("kim", "viewer");
    const login = users.login("kim", password);
    await users.remove("kim");
    expect(await login).toBeUndefined();
  });
});
