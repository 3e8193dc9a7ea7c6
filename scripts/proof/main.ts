// npm run proof -- NAME [options]: what is too long for the tests; docs/proof.md says what each shows.
import { join } from "node:path";

const proofs: Readonly<Record<string, string>> = {
  faults: "let sixty real faults happen and write docs/faults.md, as root",
  hostile: "feed hostile input to every parser: --inputs 10000000",
  "machine-cuts": "cut the power of whole machines: --cuts 200",
  mutations: "plant bugs one by one and look whether the tests find them: [NAME...]",
  "power-cuts": "cut the power of a recorded disk, as root: --cuts 10000",
  soak: "the built daemon for an hour, looked at every ten seconds: --for 1h --points 1000 --json",
};

const [name = "", ...rest] = process.argv.slice(2);
if (name in proofs) {
  const script = join(import.meta.dirname, `${name}.ts`);
  process.argv = [process.execPath, script, ...rest];
  await import(script);
} else {
  const lines = Object.entries(proofs).map(([one, what]) => `  ${one.padEnd(14)}${what}`);
  console.error(`npm run proof -- NAME [options]\n\n${lines.join("\n")}`);
  process.exitCode = name === "" || name === "--help" ? 0 : 2;
}
