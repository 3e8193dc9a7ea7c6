import { loadProtocols } from "../../southbound/index.ts";

/** All of them: what works on profiles may be given any. Only commands that need them import this file. */
export const protocols = await loadProtocols();
