// Puts the configuration of the first partition where the gateway reads it, once.
import { chownSync, existsSync, readFileSync, renameSync, writeFileSync } from "node:fs";

const wanted = "/boot/gw/provision.json";
const configuration = "/etc/stadsnod/gateway.yaml";

if (!existsSync(configuration) && existsSync(wanted)) {
  const { format, config } = JSON.parse(readFileSync(wanted, "utf8"));
  if (format !== 1) throw new Error(`${wanted}: format ${format} is not known here`);
  if (typeof config === "string") {
    writeFileSync(`${configuration}.new`, config, { mode: 0o640, flush: true });
    chownSync(`${configuration}.new`, 0, 881);
    renameSync(`${configuration}.new`, configuration);
  }
}
