// The gateway as `stadsnod run` puts it together, with the moment noted at which each command reaches it.
import { dirname } from "node:path";
import { readConfiguration } from "../../../gateway/cli/files.ts";
import { openLog, startDaemon } from "../../../gateway/cli/start.ts";
import { commonMs } from "../process.ts";
import { answer, settings, tell } from "./child.ts";

export interface Receipt {
  /** When the desk was handed its bytes, as of `commonMs`. */
  readonly at: number;
  /** From then until it was durable, ms. */
  readonly durableMs: number;
}

export interface GatewayCommandsAnswers {
  /** In the order in which they came; and forgotten. */
  readonly receipts: readonly Receipt[];
}

const { file } = settings<{ readonly file: string }>();
const context = {
  cwd: dirname(file),
  env: process.env,
  signal: new AbortController().signal,
  onReload: () => {},
  out: () => {},
  err: (text: string) => process.stderr.write(text),
  columns: undefined,
  rows: undefined,
};
const read = () => readConfiguration(context, file);
const { config, diagnostics } = await read();
const errors = diagnostics.filter(({ severity }) => severity === "error");
if (!config || errors.length > 0) throw new Error(errors.map(({ message }) => message).join("; "));
const { gateway } = await startDaemon(config, openLog("error"), read);
const receipts: Receipt[] = [];
const { control } = gateway;
const receive = control.receive.bind(control);
control.receive = async (...message) => {
  const at = commonMs();
  await receive(...message);
  receipts.push({ at, durableMs: commonMs() - at });
};
answer({ receipts: () => receipts.splice(0) });
tell({});
