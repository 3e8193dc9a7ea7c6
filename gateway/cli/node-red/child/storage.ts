import { createRequire } from "node:module";
import { keepBackup } from "../backups.ts";

interface Flow {
  readonly id: string;
  readonly type: string;
  readonly z?: string;
  readonly d?: boolean;
  readonly disabled?: boolean;
}

interface Runtime {
  readonly nodes: { getType(type: string): unknown };
}

/** A storage module of Node-RED, as far as it is used here. */
interface Storage {
  init(settings: object, runtime: Runtime): Promise<void>;
  getFlows(): Promise<unknown>;
  saveFlows(flows: readonly Flow[], user?: unknown): Promise<void>;
  [other: string]: unknown;
}

/** What a flows file holds besides nodes. */
const structure = /^(tab|group|subflow|subflow:.*|junction)$/;

/**
 * Node-RED's own storage in files. What it cannot run is not deployed: one node that is not there would
 * stop all flows. Of what is deployed a copy is kept. The supervisor is told, also that the flows are about to start.
 */
export function openStorage({
  userDir,
  backups,
}: {
  readonly userDir: string;
  readonly backups: number;
}): Storage {
  const files = ownStorage();
  let runtime: Runtime | undefined;
  return {
    ...files,
    init(settings, given) {
      runtime = given;
      return files.init(settings, given);
    },
    getFlows() {
      // Asked for once, when all nodes are loaded; from here on it must not fall silent.
      process.send?.({ kind: "loaded" });
      return files.getFlows();
    },
    async saveFlows(flows, user) {
      const missing = missingTypes(flows, (type) => Boolean(runtime?.nodes.getType(type)));
      if (missing.length > 0) throw refusal(missing);
      await files.saveFlows(flows, user);
      await keepBackup(userDir, new Date(), backups);
      process.send?.({ kind: "deployed" });
    },
  };
}

function ownStorage(): Storage {
  const fromRed = createRequire(createRequire(import.meta.url).resolve("node-red/red.js"));
  return createRequire(fromRed.resolve("@node-red/runtime"))("./storage/localfilesystem");
}

/** Types of nodes that are not there, sorted; nodes that are switched off do not count. */
export function missingTypes(flows: readonly Flow[], isKnown: (type: string) => boolean): string[] {
  const off = new Set(flows.filter(({ disabled }) => disabled).map(({ id }) => id));
  const missing = flows.filter(
    ({ type, d, z }) => !d && !(z !== undefined && off.has(z)) && !structure.test(type) && !isKnown(type),
  );
  return [...new Set(missing.map(({ type }) => type))].sort();
}

function refusal(types: readonly string[]): Error {
  const words =
    types.length === 1
      ? `there are no nodes of type ${types[0]}`
      : `there are no nodes of these types: ${types.join(", ")}`;
  const error = new Error(`${words}. Remove or disable them: they would keep all flows from starting.`);
  return Object.assign(error, { code: "missing-types", status: 400 });
}
