import { execFileSync } from "node:child_process";
import { join, resolve } from "node:path";

const root = resolve(import.meta.dirname, "../..");

/** Before the first test: brings dist/ up to date, as every npm script does, so that tests run what a user runs. */
export default function build(): void {
  execFileSync(process.execPath, [join(root, "scripts", "setup.cjs"), "stadsnod", "--version"], {
    cwd: root,
    stdio: ["ignore", "ignore", "inherit"],
  });
}
