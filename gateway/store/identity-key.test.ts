import { statSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { SimulatedDisk } from "../../test/fault/simulated-disk.ts";
import { newFolder } from "../../test/system/daemon.ts";
import { openFolderDisk, privateFiles } from "./folder-disk.ts";
import { openIdentityKey } from "./identity-key.ts";

it("is made once, for the gateway's user alone", async () => {
  const folder = join(newFolder(), "identity");
  const first = await openIdentityKey(await openFolderDisk(folder, privateFiles));
  const again = await openIdentityKey(await openFolderDisk(folder, privateFiles));
  expect(again.equals(first)).toBe(true);
  expect(statSync(join(folder, "key.pem")).mode & 0o777).toBe(0o600);
  expect(first.asymmetricKeyDetails?.namedCurve).toBe("prime256v1");
});

it("is never replaced because it is damaged", async () => {
  const disk = new SimulatedDisk({ random: () => 0.5 });
  disk.put("key.pem", Buffer.from("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"));
  await expect(openIdentityKey(disk)).rejects.toMatchObject({ code: "identity-damaged" });
  expect(Buffer.from(disk.contents("key.pem")).toString()).toContain("AAAA");
});
